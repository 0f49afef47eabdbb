internal import JSON
internal import SettingsModel
internal import TOML

extension Feature {
    /// Longest text of a feature file, in bytes.
    public static let maximumLength = 256 << 10

    /// Reads a feature file.
    ///
    ///     description = "Keeps the time."            # one sentence
    ///     [defaults.ntp]                              # settings, as in user data
    ///     time-servers = ["time.example.org"]
    ///     [generators]                                # programs that print a value when nobody has set one
    ///     "updates.seed" = { command = ["/usr/lib/bulkhead/hostd", "generate", "seed"], strength = "strong" }
    ///     [services.timesyncd]
    ///     settings = ["ntp"]                          # keys, or what they begin with
    ///     files = ["timesyncd"]
    ///     restart = ["try-restart systemd-timesyncd.service"]
    ///     [files.timesyncd]
    ///     path = "/etc/systemd/timesyncd.conf.d/50-settings.conf"
    ///     template = "timesyncd.conf"
    ///     mode = "0644"                               # this, where it is left out
    ///
    /// A service without files is restarted when one of its settings changed. At boot settings are applied while the
    /// boot goes on: `start` and `restart` of a unit that waits for that would wait for themselves.
    ///
    /// - Parameters:
    ///   - text: the file, in TOML.
    ///   - name: the name of the file, without its ending.
    /// - Throws: `FeatureError.invalid` with everything that is wrong.
    public init(parsing text: String, name: String) throws(FeatureError) {
        let file = "\(name).toml"
        let document: JSONValue
        do throws(TOMLError) {
            document = try JSONValue(parsingTOML: text, limits: JSONLimits(bytes: Self.maximumLength))
        } catch {
            throw .invalid(file: file, reason: error.description)
        }
        var reader = TableReader()
        reader.check(name: name, "the file's name")
        let top = reader.table(
            document,
            "",
            known: ["description", "defaults", "generators", "services", "files"]
        )
        self.name = name
        description = reader.text(top["description"], "description") ?? ""
        let (defaults, problems) = SettingsDocument.sift(top["defaults"] ?? [:])
        self.defaults = defaults
        for problem in problems { reader.refuse("defaults", problem.description) }
        generators = [:]
        services = [:]
        files = [:]
        for (text, value) in reader.table(top["generators"], "generators").sorted(by: { $0.key < $1.key }) {
            guard let key = Self.key(text, "generators.\(text)", wantsSetting: true, &reader) else {
                continue
            }
            if let generator = Generator(value, "generators.\(text)", &reader) { generators[key] = generator }
        }
        for (name, value) in reader.table(top["services"], "services").sorted(by: { $0.key < $1.key }) {
            reader.check(name: name, "services.\(name)")
            services[name] = Service(value, "services.\(name)", &reader)
        }
        for (name, value) in reader.table(top["files"], "files").sorted(by: { $0.key < $1.key }) {
            reader.check(name: name, "files.\(name)")
            if let file = File(value, "files.\(name)", &reader) { files[name] = file }
        }
        guard reader.problems.isEmpty else {
            throw .invalid(file: file, reason: reader.problems.joined(separator: "\n"))
        }
    }

    fileprivate static func key(
        _ text: String,
        _ place: String,
        wantsSetting: Bool,
        _ reader: inout TableReader
    ) -> SettingKey? {
        let key: SettingKey
        do throws(InvalidKey) {
            key = try SettingKey(parsing: text)
        } catch {
            reader.refuse(place, error.description)
            return nil
        }
        switch KnownKey(key) {
        case nil:
            reader.refuse(place, "there is no setting '\(key)'; docs/settings.md lists them all")
        case .prefix? where wantsSetting:
            reader.refuse(place, "'\(key)' is a group of settings; name one of them")
        default:
            return key
        }
        return nil
    }
}

extension Feature.Generator {
    fileprivate init?(_ value: JSONValue, _ place: String, _ reader: inout TableReader) {
        let members = reader.table(value, place, known: ["command", "strength"])
        guard let command = reader.texts(members["command"], "\(place).command"),
            command.first?.first == "/"
        else {
            reader.refuse(
                "\(place).command",
                "must be a list: the absolute path of a program, then its arguments"
            )
            return nil
        }
        switch members["strength"] {
        case nil, "strong": self.init(command: command, isWeak: false)
        case "weak": self.init(command: command, isWeak: true)
        default:
            reader.refuse("\(place).strength", "must be \"strong\" or \"weak\"")
            return nil
        }
    }
}

extension Feature.Service {
    fileprivate init(_ value: JSONValue, _ place: String, _ reader: inout TableReader) {
        let members = reader.table(value, place, known: ["settings", "files", "restart"])
        let settings = reader.texts(members["settings"], "\(place).settings") ?? []
        if settings.isEmpty {
            reader.refuse("\(place).settings", "must name the settings that it follows, such as [\"ntp\"]")
        }
        let keys = settings.compactMap {
            Feature.key($0, "\(place).settings", wantsSetting: false, &reader)
        }
        let files = reader.texts(members["files"], "\(place).files") ?? []
        if Set(files).count < files.count { reader.refuse("\(place).files", "names a file twice") }
        var restart: [Feature.Restart] = []
        for line in reader.texts(members["restart"], "\(place).restart") ?? [] {
            if let request = Feature.Restart(line) {
                restart.append(request)
            } else {
                let actions = Feature.Restart.Action.allCases.map(\.rawValue).joined(separator: ", ")
                reader.refuse(
                    "\(place).restart",
                    "'\(line)' is not one of \(actions) and a unit with its ending, with a space between"
                )
            }
        }
        if files.isEmpty && restart.isEmpty {
            reader.refuse(place, "does nothing: it needs files or restart")
        }
        self.init(settings: keys, files: files, restart: restart)
    }
}

extension Feature.Restart {
    private static let endings = ["service", "socket", "target", "timer", "path", "mount", "slice"]

    /// Reads "try-restart containerd.service"; nil if it is no action and unit.
    public init?(_ line: String) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, let action = Action(rawValue: String(words[0])) else { return nil }
        let unit = words[1]
        // systemd.unit(5): letters, digits and ":-_.\@".
        let isSpelled = unit.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "\\"), UInt8(ascii: "@"):
                true
            default: false
            }
        }
        guard isSpelled, unit.utf8.count < 256, let dot = unit.lastIndex(of: "."), dot > unit.startIndex,
            Self.endings.contains(String(unit[unit.index(after: dot)...]))
        else { return nil }
        self.init(action, String(unit))
    }
}

extension Feature.File {
    fileprivate init?(_ value: JSONValue, _ place: String, _ reader: inout TableReader) {
        let members = reader.table(value, place, known: ["path", "template", "mode"])
        let path = reader.text(members["path"], "\(place).path")
        if let path, !Self.isGood(path: path) {
            reader.refuse(
                "\(place).path",
                "'\(path)' must be below /etc, with plain names (no '.', '..', '//' or control characters)"
            )
        }
        let template = reader.text(members["template"], "\(place).template")
        if let template, !Self.isGood(name: template[...]) {
            reader.refuse("\(place).template", "'\(template)' must be the name of a file, without folders")
        }
        var mode: UInt32 = 0o644
        if let value = members["mode"] {
            let digits = value.string ?? ""
            if digits.utf8.count == 4, let number = UInt32(digits, radix: 8), number <= 0o777,
                number & 0o400 != 0, digits.first == "0"
            {
                mode = number
            } else {
                reader.refuse(
                    "\(place).mode",
                    "\(value) must be four octal digits in quotes that let the owner read, such as \"0644\""
                )
            }
        }
        guard let path, let template else { return nil }
        self.init(path: path, template: template, mode: mode)
    }

    private static func isGood(path: String) -> Bool {
        let names = path.split(separator: "/", omittingEmptySubsequences: false)
        return path.hasPrefix("/etc/") && path.utf8.count < 1024
            && names.dropFirst().allSatisfy(isGood(name:))
    }

    private static func isGood(name: Substring) -> Bool {
        !name.isEmpty && name.utf8.count <= 200 && name != "." && name != ".."
            && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "/") }
    }
}
