import HostAPI
import HostAPIClient
import HostAPIServer
import JSON
import Logging

/// Passes the updater's events on to the clients of `/events`.
///
/// One subscription for all of them. It is held only as long as somebody watches or a command is at work, and looked at
/// anew every minute; while the updater is away, it is asked for again after ever longer pauses.
actor UpdateEvents {
    /// How long a subscription lasts before somebody must still want it, in seconds.
    private static let term = 60
    /// How long whoever begins to watch waits for a subscription.
    private static let patience = Duration.seconds(1)
    private static let shortestPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(30)

    private let client: HostAPIClient
    private let hub: EventHub
    private let logger: Logger
    private var subscription: Task<Void, Never>?
    /// Whether the subscription stands, or could not be made at first.
    private var isSettled = false
    /// How often somebody wanted it.
    private var wishes: UInt64 = 0
    private var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
    /// The failed update that the clients of `/events` were told of.
    private var told: UpdateStatus.FailedUpdate?
    private var isStopped = false

    init(client: HostAPIClient, hub: EventHub, logger: Logger) {
        self.client = client
        self.hub = hub
        self.logger = logger
    }

    /// Sees to it that there is a subscription; comes back when it stands, or can't be made now, or takes too long.
    func follow() async {
        guard !isStopped else { return }
        wishes &+= 1
        if subscription == nil {
            isSettled = false
            subscription = Task { await run() }
        }
        guard !isSettled else { return }
        let number = wishes
        await withCheckedContinuation { continuation in
            waiting[number] = continuation
            Task {
                try? await Task.sleep(for: Self.patience)
                waiting.removeValue(forKey: number)?.resume()
            }
        }
    }

    /// Ends the subscription, for good.
    func stop() async {
        isStopped = true
        subscription?.cancel()
        await subscription?.value
    }

    private func run() async {
        var last: String?
        var pause = Self.shortestPause
        while !Task.isCancelled {
            let wishesBefore = wishes
            let begin = ContinuousClock.now
            var events = client.events(after: last, query: [("timeout", "\(Self.term)")])
                .makeAsyncIterator()
            do throws(HostAPIError) {
                try await events.connect()
                pause = Self.shortestPause
                settle()
                if last == nil { await tellFailure() }
                while let event = try await events.next() {
                    if !event.id.isEmpty { last = event.id }
                    guard event.name == Event.Name.update.rawValue, let data = event.json else { continue }
                    hub.publish(.update, data)
                }
                // Whoever begins to watch now waits for the next subscription.
                isSettled = false
                // An update may be told of in the pause: there is none after a stream that lasted.
                if ContinuousClock.now - begin > Self.shortestPause * 5, await isWanted() { continue }
            } catch {
                logger.debug("the updater's events can't be followed: \(error)")
                settle()
            }
            // Also after an orderly end: a server that ends each stream at once must not keep both busy.
            do { try await Task.sleep(for: pause) } catch { break }
            pause = min(pause * 2, Self.longestPause)
            if await !isWanted(), wishes == wishesBefore { break }
        }
        settle()
        subscription = nil
    }

    /// Whether somebody watches, or a command is at work whose events are to be kept.
    private func isWanted() async -> Bool {
        if hub.count > 0 { return true }
        do throws(HostAPIError) {
            _ = try await client.updateStatus(timeLimit: .seconds(5))
            return false
        } catch {
            if case .problem(let problem) = error { return problem.status == 423 }
            return false
        }
    }

    /// Tells once which release failed on this host: it was found out before anybody could watch.
    private func tellFailure() async {
        guard let status = try? await client.updateStatus(timeLimit: .seconds(5)),
            let failure = status.failedUpdate, failure != told
        else { return }
        told = failure
        hub.publish(.update, status.json)
    }

    private func settle() {
        isSettled = true
        for continuation in waiting.values { continuation.resume() }
        waiting = [:]
    }
}
