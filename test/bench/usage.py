# Runs a command and writes its processor time and peak memory as JSON to file descriptor 3. Node cannot report the
# processor time of a child. `own` excludes the command's own children; its resolution is one clock tick (10 ms).
import json
import os
import sys
import time

began_at = time.time()
started = time.monotonic()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_CLOSE, 3)])
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # the ended process stays readable below /proc
seconds = time.monotonic() - started
with open(f'/proc/{pid}/stat') as stat:
    user, system = stat.read().rpartition(')')[2].split()[11:13]
_, status, usage = os.wait4(pid, 0)
figures = {
    'beganAtMs': began_at * 1000,
    'seconds': seconds,
    'cpuMs': (usage.ru_utime + usage.ru_stime) * 1000,
    'ownCpuMs': (int(user) + int(system)) * 1000 / os.sysconf('SC_CLK_TCK'),
    'peakMb': usage.ru_maxrss / 1024,
    'status': os.waitstatus_to_exitcode(status),
}
with os.fdopen(3, 'w') as out:
    json.dump(figures, out)
