import Systemd

/// When a server gives back the pages of code that it does not need while it waits.
struct IdlePages {
    /// How many looks in a row must find nothing done.
    private static let quietLooks = 2

    private var answered: UInt64 = 0
    private var quietLooks = 0

    /// Looks whether requests were answered since the last look, and gives pages back once when there were none for long.
    ///
    /// - Parameter answered: how many requests were answered so far.
    /// - Returns: whether pages were given back.
    mutating func look(answered: UInt64) -> Bool {
        quietLooks = answered == self.answered ? quietLooks + 1 : 0
        self.answered = answered
        guard quietLooks == Self.quietLooks else { return false }
        CodePages.release()
        return true
    }
}
