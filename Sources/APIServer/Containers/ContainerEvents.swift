import HostAPI
import HostAPIServer
import JSON

/// Tells the clients of `GET /events` what the host and bootstrap containers do.
///
/// Looked at every second, and only as long as somebody watches: supervisors that die tell nothing, and what nobody
/// asks for costs nothing.
actor ContainerEvents {
    private static let pause = Duration.seconds(1)

    private let states: ContainerStates
    private let hub: EventHub
    /// What they did when somebody began to watch.
    private var beginning: Task<[String: HostContainerStatus], Never>?
    private var watch: Task<Void, Never>?
    private var isStopped = false

    init(states: ContainerStates, hub: EventHub) {
        self.states = states
        self.hub = hub
    }

    /// Sees to it that changes from now on are told.
    func follow() async {
        guard !isStopped else { return }
        if watch == nil {
            let states = states
            let beginning = Task { await states.all() }
            self.beginning = beginning
            watch = Task { await run(from: beginning) }
        }
        _ = await beginning?.value
    }

    /// Ends the watch, for good.
    func stop() async {
        isStopped = true
        watch?.cancel()
        await watch?.value
    }

    private func run(from beginning: Task<[String: HostContainerStatus], Never>) async {
        var last = await beginning.value
        while !Task.isCancelled, hub.count > 0 {
            do { try await Task.sleep(for: Self.pause) } catch { break }
            let now = await states.all()
            for (name, status) in now.sorted(by: { $0.key < $1.key }) where status != last[name] {
                hub.publish(.container, status.json)
            }
            for (name, status) in last.sorted(by: { $0.key < $1.key }) where now[name] == nil {
                // Neither in the settings nor running any more.
                var gone = status
                (gone.desired, gone.state, gone.progress) = (.stopped, .stopped, nil)
                if gone != status { hub.publish(.container, gone.json) }
            }
            last = now
        }
        watch = nil
    }
}
