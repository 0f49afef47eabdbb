internal import Features
internal import Glibc
internal import HostAPI
internal import JSON
internal import SettingsModel
internal import SettingsStore

extension Step {
    static let migrate = Step(
        name: "migrate",
        summary:
            "begin a boot in the store: migrate settings, take the image's defaults, drop what does not last",
        help: """
            Usage: hostd migrate [--state DIR] [--features DIR] [--os-release FILE] [--run DIR]

            Opens the store of settings, before apiserver does: reads settings that another version of the
            OS wrote, drops pending transactions and weak values, takes the defaults of this image, and
            takes back a commit on trial whose time is over. Must not run while apiserver does.

              --state DIR        the store of settings (\(HostPaths.store))
              --features DIR     the features of this image (\(HostPaths.features))
              --os-release FILE  what tells the version of this image (\(HostPaths.release))
              --run DIR          where a report is left for 'hostd generate' (\(HostPaths.runtime))
            """
    ) { options, console in
        var options = options
        let state = try options.value("--state", default: HostPaths.store)
        let features = try options.value("--features", default: HostPaths.features)
        let release = try options.value("--os-release", default: HostPaths.release)
        let runtime = try options.value("--run", default: HostPaths.runtime)
        try options.end()
        let version = try osVersion(release)
        let store: SettingsStore
        do {
            store = try SettingsStore(
                files: try FolderStoreFiles(path: state),
                osVersion: version,
                now: { Int64(time(nil)) }
            )
        } catch {
            throw StepError("the store of settings can't be opened: \(error)")
        }
        var problems = beginBoot(store, features: features, console)
        for warning in store.warnings {
            console.error("settings: \(warning)")
            problems.append(HealthProblem(found: "store", warning))
        }
        console.output(
            "settings: generation \(store.current.number) is in force, version \(version) of the OS"
        )
        // apiserver is not there yet to be told.
        let report = BootReport.of(.migrate, problems)
        do {
            try SmallFile.write(report.json.description, to: MigrateReport.path(runtime))
        } catch {
            console.error("the report for GET /health could not be left: \(error)")
        }
        return problems.contains { $0.source == "migrate" } ? 1 : 0
    }

    /// Does one thing after the other; what fails does not keep the rest from being done.
    private static func beginBoot(_ store: SettingsStore, features: String, _ console: Console)
        -> [HealthProblem]
    {
        var problems: [HealthProblem] = []
        func attempt(_ what: String, _ body: () throws -> Void) {
            do {
                try body()
            } catch {
                console.error("settings: \(what): \(error)")
                problems.append(HealthProblem(found: "migrate", "\(what): \(error)"))
            }
        }
        attempt("pending transactions could not be dropped") {
            let names = store.transactions
            try store.discardAll()
            if !names.isEmpty {
                console.output("settings: pending transactions dropped: \(names.joined(separator: ", "))")
            }
        }
        attempt("a commit on trial could not be taken back") {
            if let keys = try store.endTrialIfDue() {
                console.output("settings: the commit on trial was not confirmed in time; \(changed(keys))")
            }
        }
        attempt("the defaults of this image could not be taken") {
            let keys = try store.beginBoot(defaults: try FeatureSet.load(directory: features).defaults)
            if !keys.isEmpty { console.output("settings: new boot; \(changed(keys))") }
        }
        return problems
    }

    private static func changed(_ keys: [SettingKey]) -> String {
        let shown = keys.prefix(20).map(\.description).joined(separator: ", ")
        return "changed: \(keys.isEmpty ? "nothing" : shown)\(keys.count > 20 ? ", ..." : "")"
    }

    /// VERSION_ID of os-release(5).
    private static func osVersion(_ path: String) throws -> String {
        guard let text = try SmallFile.read(path) else {
            throw StepError("there is no '\(path)': which version this is, is not known")
        }
        for line in text.split(separator: "\n") where line.hasPrefix("VERSION_ID=") {
            let value = String(line.dropFirst("VERSION_ID=".count)).trimmed
            let quotes: Set<Character> = ["\"", "'"]
            let version = value.filter { !quotes.contains($0) }
            if !version.isEmpty { return version }
        }
        throw StepError("'\(path)' has no VERSION_ID")
    }
}

/// What 'hostd migrate' found, left until apiserver can be told.
enum MigrateReport {
    static func path(_ runtime: String) -> String { "\(runtime)/migrate-report.json" }
}
