import Glibc
import HostAPI
import JSON
import SettingsModel
import SmallFiles
import Systemd

/// What the host and bootstrap containers shall do and what they do, without a connection to their runtime: from the
/// settings, the files that their supervisors keep, and systemd.
struct ContainerStates: Sendable {
    /// The largest status file that is read, in bytes.
    static let maximumFileSize = 64 << 10
    /// Containers without settings whose files are looked at, at most.
    static let maximumLeftOvers = 256
    /// How long systemd may take for all of its answers.
    private static let patience = Duration.seconds(3)

    /// The folder with a folder for each container.
    let folder: String
    /// Whether there is a systemd to ask.
    let usesSystemd: Bool
    /// When the server started: since when a state counts that no supervisor wrote down.
    let startTime: Int64
    /// The settings in force.
    let settings: @Sendable () -> SettingsDocument

    /// The containers by what the runtime calls them.
    func all() async -> [String: HostContainerStatus] {
        let wishes = ContainerWish.all(in: settings())
        return await Blocking.run { self.all(wishes) }
    }

    /// What `GET /health` says of them.
    ///
    /// - Parameter time: now.
    func problems(time: Timestamp) async -> [HealthProblem] {
        await all().sorted { $0.key < $1.key }.compactMap { Self.problem($1, time: time) }
    }

    /// What is wrong with a container; nil for one that does what it shall, or is on its way there.
    static func problem(_ status: HostContainerStatus, time: Timestamp) -> HealthProblem? {
        let isWrong =
            switch status.kind {
            case .host:
                status.desired == .running && status.state != .running
                    && (status.state == .failed || status.lastError != nil)
            // Also of one whose mode is `off` by now: it ran at this boot.
            case .bootstrap: status.state == .failed
            }
        guard isWrong else { return nil }
        return HealthProblem(
            source: "\(status.kind.rawValue)-container",
            key: ContainerWish.key(of: status.name, status.kind).description,
            message: "\(status.state.rawValue): \(status.lastError ?? "see the journal of its unit")",
            time: status.state == .failed ? status.since : time
        )
    }

    /// The units of containers.
    static func unit(of name: String, _ kind: HostContainerStatus.Kind) -> String {
        "\(kind.rawValue)-container@\(name).service"
    }

    // MARK: - Calls that block

    private func all(_ wishes: [String: ContainerWish]) -> [String: HostContainerStatus] {
        var findings: [String: ContainerFinding] = [:]
        for id in Array(wishes.keys) + leftOvers(without: wishes) {
            let (name, kind) = HostContainerStatus.parts(ofID: id)
            findings[id] = ContainerFinding(name: name, kind: kind, wish: wishes[id], file: file(of: id))
        }
        askSystemd(&findings)
        let time = Timestamp(seconds: startTime)
        return findings.compactMapValues { $0.status(time: time) }
    }

    /// Adds what systemd says; nothing to containers that it does not know, and a word for all if it does not answer.
    private func askSystemd(_ findings: inout [String: ContainerFinding]) {
        func forEach(_ change: (inout ContainerFinding) -> Void) {
            findings = findings.mapValues { finding in
                var finding = finding
                change(&finding)
                return finding
            }
        }
        guard usesSystemd, !findings.isEmpty else { return forEach { $0.knowsUnits = false } }
        let deadline = ContinuousClock.now + Self.patience
        do throws(SystemdError) {
            let systemd = try ServiceManager()
            let states = try systemd.states(
                ofUnits: ["host-container@*.service", "bootstrap-container@*.service"],
                timeout: Self.patience
            )
            let units = Dictionary(states.map { ($0.unit, $0) }, uniquingKeysWith: { first, _ in first })
            forEach { finding in
                finding.unit = units[Self.unit(of: finding.name, finding.kind)]
                let left = ContinuousClock.now.duration(to: deadline)
                guard let unit = finding.unit, finding.kind == .host, left > .zero else { return }
                // Its file has a number, too: one that systemd does not tell is no reason to say nothing.
                finding.restarts = try? systemd.restarts(of: unit.unit, timeout: left)
            }
        } catch {
            // GET /health tells that systemd does not answer.
            forEach { $0.knowsUnits = false }
        }
    }

    private func file(of id: String) -> ContainerFinding.File {
        let path = "\(folder)/\(id)/status.json"
        let text: [UInt8]
        do throws(SmallFileError) {
            text = try readSmallFile(path, maximumLength: Self.maximumFileSize)
        } catch {
            return error.isMissing ? .none : .damaged("'\(path)' \(error)")
        }
        do {
            let status = try HostContainerStatus(json: JSONValue(parsing: text))
            return status.id == id
                ? .status(status) : .damaged("'\(path)' is of the container '\(status.id.prefix(80))'")
        } catch {
            return .damaged("'\(path)' is no status: \(String("\(error)".prefix(300)))")
        }
    }

    /// The names of folders without settings.
    private func leftOvers(without wishes: [String: ContainerWish]) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while names.count < Self.maximumLeftOvers, let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let container = HostContainerStatus.parts(ofID: name).name
            if Identifier(container) != nil, wishes[name] == nil, entry.pointee.d_type == UInt8(DT_DIR) {
                names.append(name)
            }
        }
        return names
    }
}
