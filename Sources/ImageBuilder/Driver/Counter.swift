import Synchronization

/// Counts what parallel work has done.
final class Counter: Sendable {
    private let value = Atomic(0)

    /// Adds one and returns the sum.
    func next() -> Int { value.add(1, ordering: .relaxed).newValue }
}
