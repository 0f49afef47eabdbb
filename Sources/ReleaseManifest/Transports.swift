public import Hashing

extension Release {
    /// What hosts get the root file system and the kernel image by (docs/update-format.md).
    public struct Transports: Sendable, Hashable, Codable {
        /// `root.zst`: the root in independent zstd frames.
        public var frames: File
        /// `root.index`: the truncated leaves of all blocks, and the sizes of the frames.
        public var index: File
        /// The static packs from earlier releases to this one.
        public var packs: [Pack]
        /// The parts of the kernel image, one behind the other; nil where an older tool published the release.
        public var kernel: [Part]?

        /// States the artefacts.
        public init(frames: File, index: File, packs: [Pack], kernel: [Part]? = nil) {
            self.frames = frames
            self.index = index
            self.packs = packs
            self.kernel = kernel
        }
    }

    /// A part of a file, which begins where the one before it ends.
    public struct Part: Sendable, Hashable, Codable {
        /// The number of bytes.
        public var size: UInt64
        /// The digest of these bytes.
        public var sha256: SHA256Digest

        /// States a part.
        public init(size: UInt64, sha256: SHA256Digest) {
            self.size = size
            self.sha256 = sha256
        }
    }

    /// A static pack: what one release lacks of another.
    public struct Pack: Sendable, Hashable, Codable {
        /// The root hash of the release that it begins with.
        public var from: SHA256Digest
        /// The file.
        public var file: File
        /// Bytes of the pack's head, with which the file begins.
        public var headSize: UInt64
        /// The digest of the head.
        public var headSha256: SHA256Digest

        /// States a pack.
        public init(from: SHA256Digest, file: File, headSize: UInt64, headSha256: SHA256Digest) {
            self.from = from
            self.file = file
            self.headSize = headSize
            self.headSha256 = headSha256
        }
    }
}
