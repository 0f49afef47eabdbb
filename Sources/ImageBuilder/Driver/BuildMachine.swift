import VariantManifest

/// Facts of the machine that builds.
enum BuildMachine {
    /// Debian's name of its architecture, which its tools are locked for.
    static var architecture: Architecture {
        #if arch(arm64)
            .arm64
        #else
            .amd64
        #endif
    }
}
