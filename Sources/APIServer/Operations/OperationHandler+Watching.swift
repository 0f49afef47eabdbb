import Glibc
import HostAPI
import HostAPIServer
import JSON
import Logging
import NIOCore
import SettingsModel
import SettingsStore
import Systemd

extension OperationHandler {
    /// How long after its start the server waits for the boot's last report before it says what it knows, in seconds.
    static let startingSeconds: Int64 = 600

    /// How the host is.
    func health() async -> Health {
        let boot = bootReports.all
        let now = service.parts.now()
        let time = Timestamp(seconds: now)
        var problems = boot.flatMap(\.problems)
        for (name, failure) in await service.parts.queue.problems.sorted(by: { $0.key < $1.key }) {
            problems.append(
                HealthProblem(
                    source: "apply",
                    message: "\(name): \(failure.message)",
                    time: Timestamp(seconds: failure.time)
                )
            )
        }
        for warning in service.storeWarnings {
            problems.append(
                HealthProblem(source: "store", message: warning, time: Timestamp(seconds: startTime))
            )
        }
        // A failed bootstrap container was reported by the step that ran it, or its unit's name is all that is known.
        let reported = Set(problems.compactMap(\.key))
        let containers = await containers.problems(time: time).filter { !reported.contains($0.key ?? "") }
        problems += containers
        let told = Set((containers.compactMap(\.key) + reported).compactMap(Self.containerUnit))
        switch await failedUnits() {
        case .success(let units):
            for unit in units where !told.contains(unit) {
                problems.append(
                    HealthProblem(
                        source: "unit",
                        message: "\(unit) has failed: see its messages in the journal",
                        time: time
                    )
                )
            }
        case .failure(let error):
            problems.append(HealthProblem(source: "systemd", message: error.description, time: time))
        }
        problems += await updater.problems(time: time)
        let isStarting =
            usesSystemd && now - startTime < Self.startingSeconds && !boot.contains { $0.step == .apply }
        return Health(
            status: !problems.isEmpty ? .degraded : isStarting ? .starting : .ok,
            problems: problems,
            boot: boot
        )
    }

    /// `POST /boot-report`.
    func report(_ request: APIRequest) throws(Problem) -> APIReply {
        let json = try Self.json(of: request)
        let report: BootReport
        do throws(PayloadError) {
            report = try BootReport(json: json)
        } catch {
            throw Problem(error)
        }
        do throws(APIServerError) {
            try bootReports.add(report)
        } catch {
            // It counts until the server restarts; losing it then must not fail the boot.
            service.parts.logger.warning("the boot report can't be kept: \(error)")
        }
        for problem in report.problems {
            let key = problem.key.map { "\($0): " } ?? ""
            service.parts.logger.warning("\(report.step.rawValue): \(key)\(problem.message)")
        }
        if !report.problems.isEmpty {
            service.parts.events.publish(
                .health,
                Health(status: .degraded, problems: report.problems, boot: bootReports.all).json
            )
        }
        return .nothing
    }

    /// `GET /metrics`.
    func metrics() async -> APIReply {
        let snapshot = snapshot
        let text = service.parts.metrics.text(
            generation: snapshot.inForce.generation.number,
            transactions: snapshot.transactions.count,
            watchers: service.parts.events.count,
            updateState: await updater.state()
        )
        return .content(ByteBuffer(string: text), mediaType: MetricFamily.mediaType)
    }

    /// `GET /events`.
    func watch(_ request: APIRequest) async throws(Problem) -> APIReply {
        // Watched before the updater is: nothing that it tells is missed.
        let reply = try service.parts.events.reply(to: request)
        await updater.events.follow()
        await containerEvents.follow()
        return reply
    }

    /// `GET /report`: for people, without secrets.
    func hostReport() async -> APIReply {
        let snapshot = snapshot
        let generation = snapshot.inForce.generation
        let health = await health()
        var lines = [
            "OS: \(os.prettyName) (variant \(os.variantID), version \(os.versionID), build \(os.buildID), \(os.arch))",
            "Health: \(health.status.rawValue)",
        ]
        lines += health.problems.map { problem in
            "  \(problem.source): \(problem.key.map { "\($0): " } ?? "")\(problem.message)"
        }
        lines.append("Boot steps that reported: \(Self.list(health.boot.map(\.step.rawValue)))")
        lines.append(
            "Settings: generation \(generation.number) of \(Timestamp(seconds: generation.time)), "
                + "by \(generation.author.program) (uid \(generation.author.user)), reason \(generation.reason.rawValue)"
        )
        if let left = await service.trialSecondsLeft {
            lines.append("  on trial: taken back in \(left) seconds unless confirmed")
        }
        if snapshot.isLocked { lines.append("  locked down until the next boot") }
        lines.append("Pending transactions: \(Self.list(snapshot.transactions.keys.sorted()))")
        for (name, pending) in snapshot.transactions.sorted(by: { $0.key < $1.key }) {
            lines.append("  \(name): \(pending.changes.count) changes")
        }
        lines.append("Settings in force, without secrets:")
        lines.append(snapshot.inForce.settings.redacted.json.prettyText)
        let text = lines.joined(separator: "\n") + "\n"
        return .content(ByteBuffer(string: text), mediaType: "text/plain; charset=utf-8")
    }

    /// The unit of a bootstrap container, by the key of its settings.
    private static func containerUnit(_ key: String) -> String? {
        let prefix = "settings.bootstrap-containers."
        guard key.hasPrefix(prefix) else { return nil }
        return ContainerStates.unit(of: String(key.dropFirst(prefix.count)), .bootstrap)
    }

    private static func list(_ names: [String]) -> String {
        names.isEmpty ? "none" : names.joined(separator: ", ")
    }

    private func failedUnits() async -> Result<[String], SystemdError> {
        guard usesSystemd else { return .success([]) }
        return await Blocking.run {
            do throws(SystemdError) {
                return .success(try ServiceManager().units(inState: "failed", timeout: 3))
            } catch {
                return .failure(error)
            }
        }
    }
}
