/// A line of a manifest file.
public struct SourceLocation: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// The file, relative to the repository's root.
    public let file: String
    /// The line, counted from 1; 0 means the file as a whole.
    public let line: Int

    /// Names a line of a file.
    public init(file: String, line: Int) {
        self.file = file
        self.line = line
    }

    /// `file:line`, as compilers write it; only the file if no line is meant.
    public var description: String { line > 0 ? "\(file):\(line)" : file }

    /// Orders by file, then by line.
    public static func < (left: SourceLocation, right: SourceLocation) -> Bool {
        (left.file, left.line) < (right.file, right.line)
    }
}

/// A value and the line it was read from.
struct Located<Value: Equatable & Sendable>: Equatable, Sendable {
    var value: Value
    var location: SourceLocation
}
