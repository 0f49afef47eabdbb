/// What the command line of `apiserver` says.
public struct APIServerOptions: Sendable, Equatable {
    /// Where clients find the server, unless systemd hands a socket over.
    public var socket = "/run/api.sock"
    /// The folder of the settings store.
    public var state = "/state/settings"
    /// The folder of the feature files.
    public var features = "/usr/share/bulkhead/features"
    /// The folder of the templates.
    public var templates = "/usr/share/bulkhead/templates"
    /// The folder that files are rendered below, and that keeps what must outlive the server but not the boot.
    public var root = "/run/bulkhead"
    /// The file that says which OS this is (os-release(5)).
    public var osRelease = "/usr/lib/os-release"
    /// Where the updater is asked for updates.
    public var updaterSocket = "/run/bulkhead/updater.sock"
    /// Where the containerd of host containers is asked to run commands in them.
    public var containersSocket = "/run/host-containerd/containerd.sock"
    /// Whether services are restarted and the host is rebooted; without, such requests are taken and nothing is done.
    public var usesSystemd = true

    /// The options of a host.
    public init() {}

    /// Reads a command line.
    ///
    /// - Returns: the options; nil when help was asked for.
    /// - Throws: `APIServerError.usage`.
    public init?(arguments: [String]) throws(APIServerError) {
        self.init()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h", "help": return nil
            case "--no-systemd": usesSystemd = false
            case "--socket": socket = try Self.value(of: argument, &rest)
            case "--state": state = try Self.value(of: argument, &rest)
            case "--features": features = try Self.value(of: argument, &rest)
            case "--templates": templates = try Self.value(of: argument, &rest)
            case "--root": root = try Self.value(of: argument, &rest)
            case "--os-release": osRelease = try Self.value(of: argument, &rest)
            case "--updater-socket": updaterSocket = try Self.value(of: argument, &rest)
            case "--containers-socket": containersSocket = try Self.value(of: argument, &rest)
            default: throw .usage("unknown option '\(argument)'")
            }
        }
    }

    private static func value(of option: String, _ rest: inout ArraySlice<String>) throws(APIServerError)
        -> String
    {
        guard let value = rest.popFirst(), !value.isEmpty, !value.hasPrefix("--") else {
            throw .usage("\(option) needs a path")
        }
        return value
    }

    /// The help text.
    public static let usage = """
        Usage: apiserver [options]

        Serves the settings API of this host on a Unix socket.

        Options:
          --socket PATH      where clients connect (default /run/api.sock); a socket from systemd is used instead
          --state DIR        the settings store (default /state/settings)
          --features DIR     the feature files of the image (default /usr/share/bulkhead/features)
          --templates DIR    the templates of the image (default /usr/share/bulkhead/templates)
          --root DIR         where files are rendered: /etc/X as DIR/etc/X (default /run/bulkhead)
          --os-release FILE  which OS this is (default /usr/lib/os-release)
          --updater-socket PATH
                             where the updater listens (default /run/bulkhead/updater.sock)
          --containers-socket PATH
                             where the containerd of host containers listens
                             (default /run/host-containerd/containerd.sock)
          --no-systemd       restart no services and never reboot
          --help             show this text

        Example: apiserver --socket /tmp/api.sock --state /tmp/settings --root /tmp/run --no-systemd
        Exit status: 0 stopped by SIGTERM, 1 it could not start, 2 wrong usage.
        """
}
