/// The largest UKI that is built and installed: the firmware reads it at some 10 MB/s on slow machines.
///
/// An arm64 kernel is not compressed as Debian ships it (docs/decisions/0003-uki-limit-of-arm64.md).
public enum UKISizeLimit {
    /// Bytes, for x86-64.
    public static let amd64: UInt64 = 32 << 20
    /// Bytes, for arm64.
    public static let arm64: UInt64 = 48 << 20

    /// Bytes, for the architecture that this program was compiled for.
    public static var thisMachine: UInt64 {
        #if arch(arm64)
            arm64
        #else
            amd64
        #endif
    }
}
