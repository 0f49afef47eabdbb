import JSON

/// How far the kernel is locked against root, as in kernel_lockdown(7).
public enum Lockdown: String, ChoiceSetting {
    case none, integrity, confidentiality

    /// The name of the type.
    public static let name = "lockdown"
}

/// Whether a kernel module may be loaded.
public struct KernelModule: SettingsGroup {
    /// Whether it may be loaded.
    public var allowed: Bool?
    /// Whether it is loaded at boot.
    public var autoload: Bool?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<KernelModule>] = [
        Field("allowed", \.allowed, "Whether the module may be loaded.", example: true),
        Field("autoload", \.autoload, "Whether the module is loaded at boot.", example: true),
    ]
}

/// The kernel while it runs.
public struct KernelSettings: SettingsGroup {
    /// How far it is locked against root.
    public var lockdown: Lockdown?
    /// Its modules.
    public var modules: SettingMap<KernelModuleName, KernelModule>?
    /// Its parameters.
    public var sysctl: SettingMap<SysctlKey, SysctlValue>?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<KernelSettings>] = [
        Field(
            "lockdown",
            \.lockdown,
            "How far the kernel is locked against root. It can be tightened at once; loosening it needs a reboot.",
            example: "integrity"
        ),
        Field("modules", \.modules, "Kernel modules, by their names.", example: ["br_netfilter": [:]]),
        Field(
            "sysctl",
            \.sysctl,
            "Parameters of the kernel, as sysctl(8) names them.",
            example: ["net.ipv4.ip_forward": "1", "vm.max_map_count": "262144"]
        ),
    ]
}

/// What the kernel and init are told at boot.
public struct BootSettings: SettingsGroup {
    /// Parameters of the kernel.
    public var kernelParameters: SettingMap<BootParameterName, [BootParameterValue]>?
    /// Parameters of init.
    public var initParameters: SettingMap<BootParameterName, [BootParameterValue]>?
    /// Whether the host reboots by itself to make them hold.
    public var rebootToReconcile: Bool?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<BootSettings>] = [
        Field(
            "kernel-parameters",
            \.kernelParameters,
            "Parameters of the kernel with their values. Where the command line is signed, only those hold that can be given in another way.",
            example: ["transparent_hugepage": ["madvise"], "console": ["tty0", "ttyS1,115200n8"]]
        ),
        Field(
            "init-parameters",
            \.initParameters,
            "Parameters of init with their values.",
            example: ["systemd.log_level": ["debug"]]
        ),
        Field(
            "reboot-to-reconcile",
            \.rebootToReconcile,
            "Whether the host reboots by itself, once, when its parameters are not those of these settings.",
            example: false
        ),
    ]
}
