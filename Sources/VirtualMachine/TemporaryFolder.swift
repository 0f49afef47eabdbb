import Foundation

/// A new folder of this user's own (mkdtemp(3)), removed by `remove()`.
public struct TemporaryFolder: Sendable {
    /// Where it is.
    public let path: String

    /// Makes a folder with a name that begins with a prefix.
    ///
    /// - Throws: `VirtualMachineError.file` with the folder it was to be in.
    public init(in base: String, prefix: String) throws(VirtualMachineError) {
        // mkdtemp wants six X at the end and puts the name's rest in their place.
        var template = Array("\(base)/\(prefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .file(
                path: base,
                problem: "no directory can be made: \(String(cString: strerror(errno)))"
            )
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// A folder for sockets: not in TMPDIR, for a socket's path has at most 107 bytes.
    static func forSockets() throws(VirtualMachineError) -> TemporaryFolder {
        try TemporaryFolder(in: "/tmp", prefix: "bulkhead-vm-")
    }

    /// Removes it with all that is in it.
    public func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }
}
