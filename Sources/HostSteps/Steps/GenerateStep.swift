internal import Features
internal import HostAPI
internal import JSON
internal import SettingsModel
internal import UserData

extension Step {
    static let generate = Step(
        name: "generate",
        summary: "make the values of settings that nobody has set",
        help: """
            Usage: hostd generate [--socket SOCKET] [--features DIR] [--run DIR]
                   hostd generate seed
                   hostd generate hostname

            Runs the generator of each setting that has one and no value, and stages what it prints in the
            transaction '\(HostPaths.transaction)', which 'hostd apply' commits. A generator that fails is
            reported here and in GET /health; it may take \(GeneratorCommand.timeLimit.components.seconds) seconds.

              seed             print a random number from 0 to 2047: the host's place in update waves
              hostname         print a name for this host: from EC2, reverse DNS, or its address
              --socket SOCKET  the API (\(HostPaths.socket))
              --features DIR   the features of this image (\(HostPaths.features))
              --run DIR        where 'hostd migrate' left a report (\(HostPaths.runtime))
              --root DIR       where the host's files are; for tests
              --metadata URL   the instance metadata service; for tests
            """
    ) { options, console in
        var options = options
        let socket = try options.value("--socket", default: HostPaths.socket)
        let features = try options.value("--features", default: HostPaths.features)
        let runtime = try options.value("--run", default: HostPaths.runtime)
        let root = try options.value("--root", default: "")
        let metadata = try options.value("--metadata", default: InstanceMetadata.address)
        let generator = options.operand()
        try options.end()
        switch generator {
        case "seed":
            // The system's generator: getrandom(2).
            console.output(JSONValue.integer(.random(in: 0...2047)).description)
        case "hostname":
            let name = await HostNameGuess(root: root, metadata: metadata).name()
            console.output(JSONValue.string(name).description)
        case let other?:
            throw UsageError("there is no generator '\(other)': seed and hostname are here")
        case nil:
            try await generateAll(LaunchClient(socket: socket), features, runtime, console)
        }
        return 0
    }

    private static func generateAll(
        _ client: LaunchClient,
        _ features: String,
        _ runtime: String,
        _ console: Console
    ) async throws {
        try await postMigrateReport(client, runtime)
        let generators = try FeatureSet.load(directory: features).generators
        let keysWithValues = try await client.keysWithValues()
        var problems: [HealthProblem] = []
        for (key, generator) in generators.sorted(by: { $0.key < $1.key })
        where !keysWithValues.contains(where: { $0.isInside(key) }) {
            do {
                let value = try GeneratorCommand.value(of: generator.command)
                var document = SettingsDocument()
                try document.set(key, to: value)
                try await client.stage(document, isWeak: generator.isWeak)
                console.output("generated: \(key)\(generator.isWeak ? ", for this boot" : "")")
            } catch {
                let message =
                    "no value could be generated for \(key): "
                    + "\(generator.command.joined(separator: " ")): \(error)"
                console.error(message)
                problems.append(HealthProblem(found: "generator", key: key.description, message))
            }
        }
        try await client.report(.of(.generate, problems))
    }

    /// Tells apiserver what the step found that ran before it.
    private static func postMigrateReport(_ client: LaunchClient, _ runtime: String) async throws {
        guard let text = try SmallFile.read(MigrateReport.path(runtime)),
            let json = try? JSONValue(parsing: text), let report = try? BootReport(json: json)
        else { return }
        try await client.report(report)
    }
}
