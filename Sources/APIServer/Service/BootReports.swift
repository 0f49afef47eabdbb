import HostAPI
import JSON
import Synchronization

/// What the steps of this boot reported, in memory and in a file that outlives the server, but not the boot.
final class BootReports: Sendable {
    /// The largest file that is read, in bytes: five reports of the largest body that the server takes, and some.
    static let maximumSize = 6 << 20

    private let path: String
    private let reports: Mutex<[BootReport.Step: BootReport]>

    /// Reads the file; one that is damaged counts as none, and the next report replaces it.
    init(path: String) {
        self.path = path
        var reports: [BootReport.Step: BootReport] = [:]
        if let bytes = BoundedFile.read(path, limit: Self.maximumSize),
            let json = try? JSONValue(parsing: bytes, limits: JSONLimits(bytes: Self.maximumSize))
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
        // A file has one writer at a time.
        try reports.withLock { (reports) throws(APIServerError) in
            reports[report.step] = report
            try BoundedFile.replace(path, Array(JSONValue.array(reports.values.map(\.json)).description.utf8))
        }
    }
}
