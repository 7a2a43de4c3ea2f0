// Owns what a service manager is told (systemd's sd_notify): that we are ready, that we stop. It wants
// a datagram on a Unix socket, which Node cannot send; `systemd-notify`, which is wherever systemd is,
// does. Therefore units say NotifyAccess=all. Where nobody listens nothing happens.

import { spawn } from 'node:child_process'

/** Tells whoever started us, when it is systemd and wants to know. */
export function notifyManager(state: 'READY=1' | 'STOPPING=1'): void {
  if (process.env.NOTIFY_SOCKET === undefined) return
  const told = spawn('systemd-notify', [state], { stdio: 'ignore' })
  // Without it systemd waits in vain, and says so itself.
  told.once('error', () => {})
}
