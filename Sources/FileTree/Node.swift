/// One entry of a tree: what it is, who may use it, and where it came from.
public struct Node: Sendable, Equatable {
    /// What an entry is.
    public enum Kind: Sendable, Equatable {
        /// A directory; its entries are the paths below it.
        case directory
        /// A regular file.
        case file(Content)
        /// Another name of the file at an absolute path of the same tree.
        case hardLink(to: String)
        /// A symbolic link with its target as written.
        case symlink(target: String)
        /// A character device.
        case characterDevice(major: UInt32, minor: UInt32)
        /// A block device.
        case blockDevice(major: UInt32, minor: UInt32)
        /// A named pipe.
        case fifo

        /// What error messages and listings call the kind.
        public var name: String {
            switch self {
            case .directory: "directory"
            case .file: "file"
            case .hardLink: "hard link"
            case .symlink: "symlink"
            case .characterDevice: "character device"
            case .blockDevice: "block device"
            case .fifo: "fifo"
            }
        }
    }

    /// What the entry is.
    public var kind: Kind
    /// Permission bits with setuid, setgid and sticky (07777).
    public var mode: UInt16
    /// Number of the owner.
    public var uid: UInt32
    /// Number of the group.
    public var gid: UInt32
    /// Extended attributes by full name, for example `security.selinux`.
    public var xattrs: [String: [UInt8]]
    /// Who brought the entry: a package's name, `overlay`, or a stage's name.
    public var origin: String
    /// Whether the directory only exists because something is in it; a real entry replaces its mode and owner.
    public var isImplicit: Bool

    /// Takes all properties; root owns an entry unless said otherwise.
    public init(
        kind: Kind,
        mode: UInt16,
        uid: UInt32 = 0,
        gid: UInt32 = 0,
        xattrs: [String: [UInt8]] = [:],
        origin: String,
        isImplicit: Bool = false
    ) {
        self.kind = kind
        self.mode = mode & 0o7777
        self.uid = uid
        self.gid = gid
        self.xattrs = xattrs
        self.origin = origin
        self.isImplicit = isImplicit
    }

    /// A directory of root.
    public static func directory(mode: UInt16 = 0o755, origin: String) -> Node {
        Node(kind: .directory, mode: mode, origin: origin)
    }

    /// A file of root with content in memory.
    public static func file(_ bytes: [UInt8], mode: UInt16 = 0o644, origin: String) -> Node {
        Node(kind: .file(.bytes(bytes)), mode: mode, origin: origin)
    }

    /// A text file of root.
    public static func file(_ text: String, mode: UInt16 = 0o644, origin: String) -> Node {
        file(Array(text.utf8), mode: mode, origin: origin)
    }

    /// A symbolic link of root.
    public static func symlink(to target: String, origin: String) -> Node {
        Node(kind: .symlink(target: target), mode: 0o777, origin: origin)
    }

    /// A further name of the file at an absolute path of the tree.
    public static func hardLink(to target: String, origin: String) -> Node {
        Node(kind: .hardLink(to: target), mode: 0o644, origin: origin)
    }

    /// Whether the entry is a directory.
    public var isDirectory: Bool { kind == .directory }

    /// The content of a file; nil for anything else, also for a hard link.
    public var content: Content? {
        if case .file(let content) = kind { return content }
        return nil
    }

    /// The target of a symbolic link; nil for anything else.
    public var symlinkTarget: String? {
        if case .symlink(let target) = kind { return target }
        return nil
    }
}
