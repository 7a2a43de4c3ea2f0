// The answer to a POST, as long and as deep as the master's own.

export const acceptedOf = (id: string) => ({
  id,
  status: 'in progress',
  slave: 'slave-1',
  message: 'Task successfully assigned to slave-1.',
  asked: [{ slave: 'slave-1', answer: 'available', reason: '', ms: 0.512 }],
})
