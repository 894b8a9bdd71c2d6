// Describes how a child process ended.

import { systemReason } from '../reason.ts';

export type ChildEnd =
  | { readonly type: 'exit'; readonly status: number }
  | { readonly type: 'signal'; readonly signal: string }
  /** mq ended the child. */
  | { readonly type: 'stopped' }
  | { readonly type: 'not started'; readonly error: NodeJS.ErrnoException };

/** Describes how a process ended, for a line of text. */
export function endText(end: ChildEnd): string {
  switch (end.type) {
    case 'exit':
      return `exit status ${end.status}`;
    case 'signal':
      return `signal ${end.signal}`;
    case 'not started':
      return systemReason(end.error);
    case 'stopped':
      return 'stopped';
  }
}

/** Marks the outcome of a process that SIGTERM or SIGINT ended, directly or through a shell (128 + signal number). */
export function terminated(end: ChildEnd): { wasTerminated?: true } {
  const isTerminated =
    (end.type === 'signal' && (end.signal === 'SIGTERM' || end.signal === 'SIGINT')) ||
    (end.type === 'exit' && (end.status === 143 || end.status === 130));
  return isTerminated ? { wasTerminated: true } : {};
}
