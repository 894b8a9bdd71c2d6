// Returns the arguments of a role for its usage line.

import { isSending, type RoleConfig } from '../../../config/role.ts';

export function usageOf(role: RoleConfig): string {
  const { arguments: form, keyName = 'key' } = role;
  if (form === 'keys') return `${keyName}…`;
  if (form === 'key text') return `[${keyName} [text…]]`;
  return isSending(role) ? '[text…]' : '';
}
