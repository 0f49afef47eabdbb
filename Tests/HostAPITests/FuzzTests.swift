import Foundation
import TestSupport
import Testing

@Suite("Fuzzing")
struct FuzzTests {
    @Test(
        "schemathesis finds nothing in the server, in a few examples of each operation",
        .enabled(
            if: Python.interpreter(with: "schemathesis") != nil,
            Python.skipComment("schemathesis")
        ),
        .timeLimit(.minutes(8))
    )
    func schemathesis() throws {
        let python = try #require(Python.interpreter(with: "schemathesis"))
        let result = try runTool(
            python,
            Python.checkout.appending(path: "fuzz/api.py").path,
            "--server",
            try builtProgram("bulkhead-host"),
            "--examples",
            "20",
            "--time-limit",
            "300"
        )
        #expect(result.status == 0, "\(result.output.suffix(6000))")
    }
}
