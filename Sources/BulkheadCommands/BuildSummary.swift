import Hashing
import ImageBuilder

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

    init(build: ImageBuild, outcome: ImageBuild.Outcome) {
        folder = outcome.folder
        unchanged = outcome.unchanged
        stages = outcome.stages.map {
            Stage(name: $0.name, cached: $0.cached, seconds: Text.rounded($0.duration))
        }
        outputs = outcome.outputs
    }

    /// Prints the table of stages and the table of outputs.
    func printTables() {
        if unchanged {
            print("nothing changed since the last build")
        } else {
            let rows = stages.map { [$0.name, $0.cached ? "cached" : "ran", Text.seconds($0.seconds)] }
            print(Text.table(["STAGE", "", "SECONDS"], rows, numeric: [2]))
        }
        let rows = outputs.map { [$0.name, Text.size($0.size), $0.sha256.hex] }
        print("\n\(folder):")
        print(Text.table(["FILE", "SIZE", "SHA-256"], rows, numeric: [1]))
    }
}
