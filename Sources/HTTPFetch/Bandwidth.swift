/// A token bucket: bytes are taken after they came, and whoever takes more than there is waits until it is paid back.
///
/// What waits does not read on, so the server is slowed down by TCP.
actor Bandwidth {
    /// Bytes a second.
    private let rate: Int
    private let time: Time
    /// Bytes that may be taken at once; below zero while there is a debt.
    private var tokens: Double
    private var last: Duration

    init(rate: Int, time: Time) {
        self.rate = rate
        self.time = time
        // Nothing is saved up but what a quarter of a second brings.
        tokens = Double(rate) / 4
        last = time.now()
    }

    func take(_ bytes: Int) async throws {
        let now = time.now()
        tokens = min(tokens + seconds(now - last) * Double(rate), Double(rate) / 4) - Double(bytes)
        last = now
        guard tokens < 0 else { return }
        try await time.sleep(.seconds(-tokens / Double(rate)))
    }

    private func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }
}
