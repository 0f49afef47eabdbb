import NIOCore

extension Call {
    /// Does something on the event loop and waits for its result; cancelling the task ends the call.
    func result<Value: Sendable>(
        _ action: @escaping @Sendable (Call, Waiter<Value>) -> Void
    ) async throws(GRPCError) -> Value {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                eventLoop.execute { action(self, waiter) }
            }
        } onCancel: {
            eventLoop.execute { self.cancel() }
        }
        return try result.get()
    }
}
