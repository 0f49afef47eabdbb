import HostAPI
import JSON
import Synchronization

/// What the steps of this boot reported, in memory and in a file that outlives the server, but not the boot.
final class BootReports: Sendable {
    /// The largest file that is read, in bytes: four reports of the largest body that the server takes.
    static let maximumSize = 5 << 20

    private let path: String
    private let reports: Mutex<[BootReport.Step: BootReport]>

    /// Reads the file; one that is damaged counts as none, and the next report replaces it.
    init(path: String) {
        self.path = path
        var reports: [BootReport.Step: BootReport] = [:]
        if let bytes = BoundedFile.read(path, limit: Self.maximumSize),
            let json = try? JSONValue(parsing: bytes)
        {
            for element in json.elements ?? [] {
                if let report = try? BootReport(json: element) { reports[report.step] = report }
            }
        }
        self.reports = Mutex(reports)
    }

    /// The reports in the order of the steps.
    var all: [BootReport] {
        let reports = reports.withLock { $0 }
        return BootReport.Step.allCases.compactMap { reports[$0] }
    }

    /// Takes a report, in place of an earlier one of the same step.
    ///
    /// - Throws: `APIServerError.file`; the report counts all the same, until the server restarts.
    func add(_ report: BootReport) throws(APIServerError) {
        let text = reports.withLock { reports in
            reports[report.step] = report
            return JSONValue.array(reports.values.map(\.json)).description
        }
        try BoundedFile.replace(path, Array(text.utf8))
    }
}
