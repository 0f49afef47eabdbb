import HostAPI
import Synchronization

/// What the server counts, for `GET /metrics`.
final class Metrics: Sendable {
    private struct Key: Hashable {
        var operation: String
        var status: Int
    }

    private struct Count {
        var requests: UInt64 = 0
        var nanoseconds: UInt64 = 0
    }

    private struct State {
        var requests: [Key: Count] = [:]
        var readySettings = Count()
        var commits: UInt64 = 0
        var applies: UInt64 = 0
        var failedApplies: UInt64 = 0
        var connections = 0
    }

    private let state = Mutex(State())
    private let startTime: Int64

    /// - Parameter startTime: when the server started, in seconds since 1970.
    init(startTime: Int64) { self.startTime = startTime }

    /// Counts a request that was answered.
    ///
    /// - Parameter operation: nil for requests that the transport refused, or that have no endpoint.
    func answered(_ operation: Operation?, status: Int, took duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let nanoseconds =
            UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: attoseconds / 1_000_000_000)
        state.withLock {
            let key = Key(operation: operation?.rawValue ?? "none", status: status)
            $0.requests[key, default: Count()].requests += 1
            $0.requests[key, default: Count()].nanoseconds &+= nanoseconds
        }
    }

    /// Counts an answer to `GET /settings` that was ready: the one that must cost next to nothing.
    func answeredSettings() { state.withLock { $0.readySettings.requests += 1 } }

    /// Counts a new generation.
    func committed() { state.withLock { $0.commits += 1 } }

    /// Counts a run of applying settings.
    func applied(succeeded: Bool) {
        state.withLock {
            $0.applies += 1
            if !succeeded { $0.failedApplies += 1 }
        }
    }

    /// Notes the number of open connections.
    func connections(_ count: Int) { state.withLock { $0.connections = count } }

    /// The text for Prometheus.
    ///
    /// - Parameter updateState: nil where it is not known.
    func text(
        generation: UInt64,
        transactions: Int,
        watchers: Int,
        updateState: UpdateStatus.State?
    ) -> String {
        let state = state.withLock { $0 }
        var requests = state.requests
        let key = Key(operation: Operation.getSettings.rawValue, status: 200)
        requests[key, default: Count()].requests += state.readySettings.requests
        if requests[key]?.requests == 0 { requests[key] = nil }
        func samples(_ value: (Count) -> Double) -> [MetricFamily.Sample] {
            requests.sorted { ($0.key.operation, $0.key.status) < ($1.key.operation, $1.key.status) }.map {
                .init(value($0.value), labels: ["operation": $0.key.operation, "status": "\($0.key.status)"])
            }
        }
        var families: [MetricFamily] = [
            .init(
                "bulkhead_api_requests_total",
                .counter,
                help: "Requests, by operation and status.",
                samples: samples { Double($0.requests) }
            ),
            .init(
                "bulkhead_api_request_duration_seconds_sum",
                .counter,
                help: "Time that answers took, in seconds; ready answers take none.",
                samples: samples { Double($0.nanoseconds) / 1e9 }
            ),
            .init(
                "bulkhead_api_request_duration_seconds_count",
                .counter,
                help: "Answers whose time was taken.",
                samples: samples { Double($0.requests) }
            ),
            .init(
                "bulkhead_api_connections",
                .gauge,
                help: "Open connections.",
                value: Double(state.connections)
            ),
            .init("bulkhead_api_watchers", .gauge, help: "Clients of /events.", value: Double(watchers)),
            .init(
                "bulkhead_settings_generation",
                .gauge,
                help: "Number of the generation in force.",
                value: Double(generation)
            ),
            .init(
                "bulkhead_settings_transactions",
                .gauge,
                help: "Pending transactions.",
                value: Double(transactions)
            ),
            .init(
                "bulkhead_settings_commits_total",
                .counter,
                help: "Commits.",
                value: Double(state.commits)
            ),
            .init(
                "bulkhead_settings_applies_total",
                .counter,
                help: "Runs of applying settings.",
                value: Double(state.applies)
            ),
            .init(
                "bulkhead_settings_apply_failures_total",
                .counter,
                help: "Runs of applying settings in which a file or a service failed.",
                value: Double(state.failedApplies)
            ),
            .init(
                "process_start_time_seconds",
                .gauge,
                help: "When the server started, in seconds since 1970.",
                value: Double(startTime)
            ),
        ]
        if let updateState {
            families.append(
                .init(
                    "bulkhead_update_state",
                    .gauge,
                    help: "1 for the state that the update of the OS is in.",
                    samples: UpdateStatus.State.allCases.map {
                        .init($0 == updateState ? 1 : 0, labels: ["state": $0.rawValue])
                    }
                )
            )
        }
        return MetricFamily.text(of: families)
    }
}
