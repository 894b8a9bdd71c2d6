// The limit of Node's timers.

/** Longest delay of a timer in milliseconds. A longer one overflows, and the timer fires at once. */
export const longestTimerMs = 2 ** 31 - 1;
