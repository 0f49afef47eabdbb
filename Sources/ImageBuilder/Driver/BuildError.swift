import Foundation

/// Why an image could not be built.
public enum BuildError: Error, CustomStringConvertible {
    /// A stage failed; the cause says what is wrong and what to do.
    case stage(String, cause: any Error)
    /// A program of the sandbox did not do what was asked.
    case tool(name: String, detail: String)
    /// A file or directory of the build machine could not be used.
    case file(operation: String, path: String, errno: Int32)
    /// Something the stage needs is not in the packages.
    case missing(what: String, remedy: String)
    /// A result is larger than what holds it.
    case tooLarge(what: String, size: UInt64, limit: UInt64, remedy: String)
    /// The audit found what must not be in an image.
    case audit([String])
    /// Programs need libraries that the image does not have.
    case unresolvedLibraries([String])
    /// Another build writes to the same place.
    case locked(path: String)
    /// Files were edited while they were used.
    case changed(String)
    /// The build machine cannot do it.
    case unsupported(String)

    /// What failed, on which object, and what to do.
    public var description: String {
        switch self {
        case .stage(let name, let cause):
            return "\(name): \(cause)"
        case .tool(let name, let detail):
            return "\(name) failed: \(detail)"
        case .file(let operation, let path, let errno):
            let hint = errno == ENOSPC ? "; free some space and build again, finished stages are kept" : ""
            return "cannot \(operation) '\(path)': \(String(cString: strerror(errno)))\(hint)"
        case .missing(let what, let remedy):
            return "\(what) is missing; \(remedy)"
        case .tooLarge(let what, let size, let limit, let remedy):
            return "\(what) is \(size) bytes, \(size - limit) more than its limit of \(limit); \(remedy)"
        case .audit(let findings):
            return """
                the image holds what no image may:
                \(Self.list(findings))
                remove it with filter.remove or packages.drop, from initrd.files or an overlay, or allow it with a reason under
                audit.allow
                """
        case .unresolvedLibraries(let lines):
            return """
                programs of the image need libraries that are not in it:
                \(Self.list(lines))
                keep the library (in the initrd: name it under initrd.files), or remove the program with filter.remove
                """
        case .locked(let path):
            return "another build is writing '\(path)'; wait for it to end or choose another --output"
        case .changed(let what):
            return "\(what) changed during the build; build again"
        case .unsupported(let text):
            return text
        }
    }

    private static func list(_ lines: [String]) -> String {
        let shown = lines.prefix(40).map { "  \($0)" }
        let more = lines.count > shown.count ? ["  ... and \(lines.count - shown.count) more"] : []
        return (shown + more).joined(separator: "\n")
    }
}
