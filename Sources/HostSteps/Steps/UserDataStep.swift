internal import Glibc
internal import HostAPI
internal import HostAPIClient
internal import SettingsModel
internal import UserData

extension Step {
    static let userData = Step(
        name: "user-data",
        summary: "read user data and set its settings; on the first boot only",
        help: """
            Usage: hostd user-data [--again] [--socket SOCKET] [--state DIR] [--run DIR]

            Reads user data from the image, the volume 'user-data', the systemd credential
            'bulkhead.user-data' and, on EC2, the instance metadata; where two set one key, the later one
            counts. Good settings are staged in the transaction '\(HostPaths.transaction)', which
            'hostd apply' commits; bad ones are reported here and in GET /health, and change nothing. A source
            whose settings are more than the store takes is left out as a whole.

              --again          read user data though an earlier boot has taken it
              --socket SOCKET  the API (\(HostPaths.socket))
              --state DIR      the store of settings (\(HostPaths.store))
              --run DIR        the host's runtime files (\(HostPaths.runtime))
              --root DIR       where the image, udev's links and /sys are; for tests
              --metadata URL   the instance metadata service; for tests

            Example: hostd user-data --again && hostd apply
            """
    ) { options, console in
        var options = options
        let isForced = options.flag("--again")
        let client = LaunchClient(socket: try options.value("--socket", default: HostPaths.socket))
        let marker = UserDataMarker(
            store: try options.value("--state", default: HostPaths.store),
            runtime: try options.value("--run", default: HostPaths.runtime)
        )
        let root = try options.value("--root", default: "")
        let metadata = try options.value("--metadata", default: InstanceMetadata.address)
        try options.end()
        if !isForced, try marker.isComplete() {
            console.output("user data was taken by an earlier boot; --again reads it again")
            return 0
        }
        var taken = isForced ? TakenUserData() : try marker.taken()
        var credentials = getenv("CREDENTIALS_DIRECTORY").map { String(cString: $0) }
        // The unit is given its own; who calls this by hand means those of the machine.
        if isForced, credentials == nil { credentials = root + HostPaths.credentials }
        let sources = UserData.sources(
            root: root,
            credentials: credentials,
            mountParent: marker.runtime,
            metadata: InstanceMetadata(base: metadata)
        )
        let userData = await UserData(reading: sources.filter { taken.sources[$0.name] == nil })
        var problems = userData.parts.flatMap { describe($0, console) }
        var refused: Set<String> = []
        do {
            let parts = try await counting(userData.parts, taken, sources.map(\.name), client, console)
            let refusals = try await stage(parts, client, console)
            problems.insert(contentsOf: refusals.map(\.problem), at: 0)
            refused = Set(refusals.map(\.source))
        } catch {
            // Half of it must not be committed, nor be noted as taken; the next boot reads it again.
            try? await client.discard()
            try marker.unstage()
            problems.insert(HealthProblem(found: "user-data", "nothing of it is set: \(error)"), at: 0)
            try? await client.report(.of(.userData, problems))
            throw error
        }
        // After the settings are staged: a note without them would make the commit look done.
        let failed = userData.parts.filter { $0.error?.mayPass == true }.map(\.source)
        for part in userData.parts where !failed.contains(part.source) {
            taken.add(part.source, refused.contains(part.source) ? SettingsDocument() : part.settings)
        }
        try marker.stage(taken, isComplete: failed.isEmpty)
        try await client.report(.of(.userData, problems))
        return 0
    }

    /// The parts without those settings that came too late.
    private static func counting(
        _ parts: [UserData.Part],
        _ taken: TakenUserData,
        _ order: [String],
        _ client: LaunchClient,
        _ console: Console
    ) async throws -> [UserData.Part] {
        guard !taken.sources.isEmpty, parts.contains(where: { $0.count > 0 }) else { return parts }
        let inForce = try await client.lastingSettings()
        return parts.map { part in
            var kept = part
            kept.settings = taken.stillCounting(
                part.settings,
                of: part.source,
                order: order,
                inForce: inForce
            )
            for key in part.settings.differences(from: kept.settings).sorted() {
                console.output(
                    "user data: \(key) of '\(part.source)' is not set: it was changed since the first boot, or a later "
                        + "source has it"
                )
            }
            return kept
        }
    }

    /// Stages the settings of each source as a whole or not at all.
    ///
    /// - Returns: the sources whose settings the server refuses, and would refuse at each boot.
    /// - Throws: `HostAPIError` when settings could not be staged, and may be the next time.
    private static func stage(_ parts: [UserData.Part], _ client: LaunchClient, _ console: Console)
        async throws(HostAPIError) -> [(source: String, problem: HealthProblem)]
    {
        var staged = SettingsDocument()
        var refusals: [(source: String, problem: HealthProblem)] = []
        for part in parts where part.count > 0 {
            do {
                try await client.stage(part.settings, isWeak: false)
                staged = staged.merging(part.settings)
            } catch {
                guard let reason = error.finalRefusal else { throw error }
                // Requests before the refused one may have staged a part of it.
                try await client.discard()
                try await client.stage(staged, isWeak: false)
                let place = part.place ?? part.source
                let message = "none of its \(part.count) settings is set: \(reason) (\(place))"
                console.error("user data: \(message)")
                refusals.append((part.source, HealthProblem(found: "user-data", message)))
            }
        }
        return refusals
    }

    /// Prints what a source gave, and returns what is wrong with it.
    private static func describe(_ part: UserData.Part, _ console: Console) -> [HealthProblem] {
        if let error = part.error {
            console.error("user data: \(error)")
            return [HealthProblem(found: "user-data", "\(error)")]
        }
        guard let place = part.place else {
            console.output("user data: none from '\(part.source)'")
            return []
        }
        console.output("user data: \(part.count) settings from \(place)")
        return part.problems.map { problem in
            let value = problem.shownValue
            let line = value.map { "\(problem.key): \($0) is not allowed: " } ?? "\(problem.key): "
            console.error("user data: \(line)\(problem.allowed) (in \(place); not set)")
            let message = "\(line)\(problem.allowed) (in \(place); the rest is set)"
            return HealthProblem(found: "user-data", key: problem.key, value: value, message)
        }
    }
}
