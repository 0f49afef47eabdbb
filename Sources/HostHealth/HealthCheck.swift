internal import JSON

/// One thing that must be true of a host before its boot counts as good.
public struct HealthCheck: Sendable {
    /// Short name in kebab case, as it appears in logs and in JSON.
    public let name: String
    /// Looks at the host and says what it saw.
    public let run: @Sendable (HostFiles) -> HealthResult

    /// Names a check.
    public init(_ name: String, run: @escaping @Sendable (HostFiles) -> HealthResult) {
        self.name = name
        self.run = run
    }
}

/// What a health check found.
public enum HealthResult: Sendable, Equatable {
    /// As it must be; the text says what was seen.
    case healthy(String)
    /// Not as it must be; the text says what is wrong and where to look.
    case unhealthy(String)
    /// Does not apply to this host, for the reason given.
    case skipped(String)
}

/// The results of all checks of one boot.
public struct HealthReport: Sendable {
    /// Where the checks of a boot leave their report, until the host is restarted.
    public static let path = "/run/bulkhead/boot-health.json"

    /// A check that was not passed, as a report has it.
    struct Problem: Sendable, Equatable {
        let name: String
        let detail: String
    }

    /// A check's name with what it found.
    public typealias Entry = (name: String, result: HealthResult)

    /// One entry a check, in the order in which they ran.
    public let entries: [Entry]

    /// Runs checks one after the other.
    public init(running checks: [HealthCheck], on host: HostFiles) {
        entries = checks.map { ($0.name, $0.run(host)) }
    }

    /// Whether no check found anything wrong.
    public var isHealthy: Bool {
        entries.allSatisfy { entry in
            if case .unhealthy = entry.result { return false }
            return true
        }
    }

    /// One line a check and a closing line, for the console and the journal.
    public var lines: [String] {
        let checks = entries.map { entry in
            switch entry.result {
            case .healthy(let text): return "ok      \(entry.name): \(text)"
            case .unhealthy(let text): return "FAILED  \(entry.name): \(text)"
            case .skipped(let text): return "skipped \(entry.name): \(text)"
            }
        }
        return checks + [isHealthy ? "this boot is healthy" : "this boot is NOT healthy"]
    }

    /// The report as one JSON object on one line.
    public var json: String {
        let checks = entries.map { entry -> JSONValue in
            let (status, text): (String, String)
            switch entry.result {
            case .healthy(let detail): (status, text) = ("healthy", detail)
            case .unhealthy(let detail): (status, text) = ("unhealthy", detail)
            case .skipped(let detail): (status, text) = ("skipped", detail)
            }
            return ["name": .string(entry.name), "status": .string(status), "detail": .string(text)]
        }
        return JSONValue.object(["healthy": .bool(isHealthy), "checks": .array(checks)]).description
    }

    /// What the checks of this boot found wrong; nothing if they have not run or left no report that can be read.
    static func problems(on host: HostFiles) -> [Problem] {
        guard let text = host.read(path), let json = try? JSONValue(parsing: text) else { return [] }
        return (json["checks"]?.elements ?? []).compactMap { check in
            guard check["status"]?.string == "unhealthy", let name = check["name"]?.string else { return nil }
            return Problem(name: name, detail: check["detail"]?.string ?? "")
        }
    }
}
