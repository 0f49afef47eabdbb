/// A processor architecture that images are made for, by its Debian name.
public enum Architecture: String, Sendable, Hashable, CaseIterable, Codable, CustomStringConvertible {
    /// 64-bit x86 (x86-64).
    case amd64
    /// 64-bit Arm (AArch64).
    case arm64

    /// The Debian name.
    public var description: String { rawValue }
}
