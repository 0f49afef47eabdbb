/// One member of an archive, without its data.
public struct ArchiveEntry: Sendable, Equatable {
    /// What a member is.
    public enum Kind: Sendable, Equatable {
        /// A regular file; its data can be read.
        case file
        /// A directory.
        case directory
        /// A symbolic link, with its target as stored.
        case symlink(target: String)
        /// Another name for an earlier member, whose name is stored as given here.
        case hardLink(target: String)
        /// A character device.
        case characterDevice(major: UInt32, minor: UInt32)
        /// A block device.
        case blockDevice(major: UInt32, minor: UInt32)
        /// A named pipe.
        case fifo
    }

    /// The name as stored, for example `./usr/bin/env`.
    public var path: String
    /// What the member is.
    public var kind: Kind
    /// Permission bits, with setuid, setgid and sticky (07777).
    public var mode: UInt16
    /// Number of the owner.
    public var uid: UInt32
    /// Number of the group.
    public var gid: UInt32
    /// Bytes of data; 0 for anything but a file.
    public var size: Int64
    /// Seconds since 1970.
    public var modificationTime: Int64
    /// Extended attributes by full name, for example `security.capability`.
    public var xattrs: [String: [UInt8]]
}

/// Upper bounds for what a reader gives out; reaching one is an error, never a silent cut.
public struct ArchiveLimits: Sendable, Equatable {
    /// Members at most.
    public var maximumEntries: Int
    /// Bytes of data of all members together at most, declared or read.
    public var maximumBytes: Int64

    /// Takes both bounds.
    public init(maximumEntries: Int, maximumBytes: Int64) {
        self.maximumEntries = maximumEntries
        self.maximumBytes = maximumBytes
    }
}
