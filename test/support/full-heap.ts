/** Code for a board whose heap is full from then on: `deflate` starts so many times more, and no more. */
export const fullHeapAfter = (times: number): string => `import builtins
real=builtins.__import__
left=${times}
def full(name,*rest):
 global left
 if name=='deflate':
  if not left:raise MemoryError
  left-=1
 return real(name,*rest)
builtins.__import__=full`
