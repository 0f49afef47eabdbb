/// How far an install is.
public struct SlotProgress: Sendable, Equatable {
    /// What is being done.
    public let step: SlotStep
    /// Bytes done in this step; 0 where a step is not counted in bytes.
    public let doneBytes: UInt64
    /// Bytes to do in this step; 0 where a step is not counted in bytes.
    public let totalBytes: UInt64

    /// Progress from its parts.
    public init(step: SlotStep, doneBytes: UInt64 = 0, totalBytes: UInt64 = 0) {
        self.step = step
        self.doneBytes = doneBytes
        self.totalBytes = totalBytes
    }
}
