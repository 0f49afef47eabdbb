import VariantManifest

extension Architecture {
    /// Debian's multiarch directory name.
    var multiarch: String {
        switch self {
        case .amd64: "x86_64-linux-gnu"
        case .arm64: "aarch64-linux-gnu"
        }
    }

    /// The suffix in the names of EFI binaries (UEFI 2.10, section 3.5.1.1; systemd's lower-case form).
    var efiSuffix: String {
        switch self {
        case .amd64: "x64"
        case .arm64: "aa64"
        }
    }
}
