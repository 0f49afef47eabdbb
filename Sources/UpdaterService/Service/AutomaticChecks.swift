import Updater

/// Looks for updates from time to time, where the settings ask for it: hosts that started together do not ask together.
struct AutomaticChecks: Sendable {
    /// Reads how often, in seconds, or nil for never, as settings may change at any time.
    let interval: @Sendable () -> Int64?
    /// Looks for updates.
    let check: @Sendable () async -> Void

    /// Seconds until the first look after the service started.
    static let first: ClosedRange<Int64> = 60...600
    /// How often the settings are looked at.
    private static let pause = Duration.seconds(30)

    /// Seconds from one look to the next: the interval, give or take a quarter.
    static func delay(_ interval: Int64, random: (ClosedRange<Int64>) -> Int64) -> Int64 {
        random(interval - interval / 4...interval + interval / 4)
    }

    /// Goes on until its task is cancelled.
    func run() async {
        var due: ContinuousClock.Instant?
        while !Task.isCancelled {
            if let interval = interval() {
                let latest = ContinuousClock.now + .seconds(interval + interval / 4)
                let next = min(due ?? .now + .seconds(Int64.random(in: Self.first)), latest)
                due = next
                if next <= .now {
                    await check()
                    due = .now + .seconds(Self.delay(interval) { Int64.random(in: $0) })
                }
            } else {
                due = nil
            }
            try? await Task.sleep(for: Self.pause)
        }
    }
}
