import Hashing
import ImageBuilder
import Presentation

/// What is shown at the end of a build.
struct BuildSummary: Encodable {
    private struct Stage: Encodable {
        let name: String
        let cached: Bool
        let seconds: Double
    }

    private let folder: String
    private let unchanged: Bool
    private let stages: [Stage]
    private let outputs: [BuildOutput]
    private let canUpdate: Bool

    init(_ outcome: ImageBuild.Outcome) {
        folder = outcome.folder
        unchanged = outcome.unchanged
        stages = outcome.stages.map {
            Stage(name: $0.name, cached: $0.cached, seconds: HumanText.seconds($0.duration))
        }
        outputs = outcome.outputs
        canUpdate = outcome.canUpdate
    }

    /// Prints the table of stages and the table of outputs.
    func printTables() {
        if unchanged {
            print("nothing changed since the last build")
        } else {
            var table = TextTable([("STAGE", .left), ("", .left), ("SECONDS", .right)])
            for stage in stages {
                let seconds = HumanText.fixed(stage.seconds, digits: 2)
                table.add(stage.name, stage.cached ? "cached" : "ran", seconds)
            }
            print(table.lines(indent: 0).joined(separator: "\n"))
        }
        var table = TextTable([("FILE", .left), ("SIZE", .right), ("SHA-256", .left)])
        for output in outputs { table.add(output.name, HumanText.size(output.size), output.sha256.hex) }
        print("\n\(folder):")
        print(table.lines(indent: 0).joined(separator: "\n"))
        if !canUpdate {
            print(
                "hosts with this image cannot update: name root metadata to trust releases by with --update-root"
            )
        }
    }
}
