import Foundation
import TestSupport
import Testing

/// Python programs with packages of PyPI: the independent readers of what this module writes.
enum Python {
    /// The folder of the checkout.
    static let checkout = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The interpreter that has a module: the one of the Makefile's virtual environment, else the system's.
    static func interpreter(with module: String) -> String? {
        var candidates = ["python3"]
        if let venv = ProcessInfo.processInfo.environment["BULKHEAD_VENV"] {
            candidates.insert("\(venv)/bin/python3", at: 0)
        }
        return candidates.first { candidate in
            (try? runTool(candidate, "-c", "import \(module)").status) == 0
        }
    }

    /// Runs a program with texts as files, whose paths are its arguments, and returns what it printed.
    static func run(_ program: String, with module: String, files: [String]) throws -> (
        status: Int32, output: String
    ) {
        let python = try #require(interpreter(with: module))
        let directory = try TemporaryDirectory()
        var paths: [String] = []
        for (index, text) in files.enumerated() {
            let path = directory.file("input-\(index)")
            try Data(text.utf8).write(to: URL(filePath: path))
            paths.append(path)
        }
        return try runTool(python, ["-c", program] + paths)
    }

    /// What a test says that needs a module which is not there.
    static func skipComment(_ module: String) -> Comment {
        "SKIPPED: python module \(module) is neither in $BULKHEAD_VENV nor in the system: make test installs it"
    }
}
