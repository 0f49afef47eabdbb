import Features
import JSON
import SettingsModel
import Testing

let hostnameFeature = """
    description = "Sets the name of the host."
    [defaults.network]
    hostname = "localhost"
    [generators]
    "network.hostname" = { command = ["/usr/lib/bulkhead/hostd", "generate", "hostname"], strength = "weak" }
    [services.hostname]
    settings = ["network.hostname", "settings.network"]
    files = ["hostname"]
    restart = ["try-restart systemd-hostnamed.service", "reload a@b.service"]
    [files.hostname]
    path = "/etc/hostname"
    template = "hostname"
    mode = "0640"
    """

@Suite struct FeatureTests {
    private func problems(_ text: String, name: String = "x") -> String {
        do {
            _ = try Feature(parsing: text, name: name)
            return ""
        } catch {
            return error.description
        }
    }

    @Test func everythingIsRead() throws {
        let hostname = SettingKey(["network", "hostname"])
        let feature = try Feature(parsing: hostnameFeature, name: "hostname")
        #expect(feature.name == "hostname")
        #expect(feature.description == "Sets the name of the host.")
        #expect(feature.defaults.values == [hostname: "localhost"])
        let command = ["/usr/lib/bulkhead/hostd", "generate", "hostname"]
        #expect(feature.generators == [hostname: Feature.Generator(command: command, isWeak: true)])
        let service = Feature.Service(
            settings: [hostname, SettingKey(["network"])],
            files: ["hostname"],
            restart: [
                Feature.Restart(.tryRestart, "systemd-hostnamed.service"),
                Feature.Restart(.reload, "a@b.service"),
            ]
        )
        #expect(feature.services == ["hostname": service])
        let file = Feature.File(path: "/etc/hostname", template: "hostname", mode: 0o640)
        #expect(feature.files == ["hostname": file])
    }

    @Test func descriptionIsEnough() throws {
        let feature = try Feature(parsing: "description = \"Nothing yet.\"", name: "empty")
        #expect(feature.services.isEmpty && feature.files.isEmpty && feature.defaults.values.isEmpty)
    }

    /// Each line makes one problem, whose message names the file, the place and what is wrong.
    @Test(arguments: [
        ("colour = 1", "x.toml: colour: there is no such key; here there is: description, defaults"),
        ("services = 1", "x.toml: services: must be a table"),
        ("[defaults]\nnothing = 1", "x.toml: defaults: settings.nothing: there is no such setting"),
        ("[defaults.network]\nhostname = 5", "settings.network.hostname: 5 is not allowed"),
        ("[generators]\n\"no.such\" = {command = [\"/a\"]}", "generators.no.such: there is no setting"),
        ("[generators]\nnetwork = {command = [\"/a\"]}", "'settings.network' is a group of settings"),
        (
            "[generators]\nmotd = {command = [\"a\"]}",
            "generators.motd.command: must be a list: the absolute path"
        ),
        ("[generators]\nmotd = {command = []}", "generators.motd.command: must be a list"),
        (
            "[generators]\nmotd = {command = [\"/a\"], strength = \"very\"}",
            "generators.motd.strength: must be"
        ),
        ("[generators]\nmotd = {command = [\"/a\"], x = 1}", "generators.motd.x: there is no such key"),
        ("[generators]\n\"mo td\" = {command = [\"/a\"]}", "is not the key of a setting"),
        ("[services.s]\nrestart = [\"reload a.service\"]", "services.s.settings: must name the settings"),
        ("[services.s]\nsettings = [\"motd\"]", "services.s: does nothing"),
        ("[services.s]\nsettings = [\"mood\"]\nfiles = [\"f\"]", "services.s.settings: there is no setting"),
        ("[services.s]\nsettings = \"motd\"\nfiles = [\"f\"]", "services.s.settings: must be a list"),
        ("[services.s]\nsettings = [\"motd\"]\nfiles = [1]", "services.s.files: must be a list"),
        (
            "[services.s]\nsettings = [\"motd\"]\nfiles = [\"f\", \"f\"]",
            "services.s.files: names a file twice"
        ),
        ("[services.S]\nsettings = [\"motd\"]\nfiles = [\"f\"]", "services.S: the name must be"),
        ("[files.f]\ntemplate = \"t\"", "files.f.path: is missing"),
        ("[files.f]\npath = \"/etc/x\"", "files.f.template: is missing"),
        ("[files.f]\npath = 1\ntemplate = \"t\"", "files.f.path: must be a text"),
        (
            "[files.f]\npath = \"/etc/x\"\ntemplate = \"t\"\nowner = \"root\"",
            "files.f.owner: there is no such key"
        ),
    ])
    func problemsNameTheirPlace(text: String, message: String) {
        let problems = problems("description = \"d\"\n\(text)")
        #expect(problems.contains(message), "\(problems)")
        #expect(problems.split(separator: "\n").allSatisfy { $0.hasPrefix("x.toml: ") }, "\(problems)")
    }

    @Test(arguments: [
        "/etc", "/etc/", "etc/x", "/usr/x", "/etc/../x", "/etc/a/..", "/etc/./a", "/etc//a", "/etcx/a",
        "/etc/a b",
        "/etc/a\\nb", "/etc/a/",
    ])
    func pathsStayBelowEtc(path: String) {
        #expect(
            problems("description = \"d\"\n[files.f]\npath = \"\(path)\"\ntemplate = \"t\"")
                .contains("files.f.path: ")
        )
    }

    @Test(arguments: ["644", "\"644\"", "\"1755\"", "\"0888\"", "\"0044\"", "\"00644\"", "\"+644\"", "420"])
    func modesAreFourOctalDigits(mode: String) {
        #expect(
            problems("description = \"d\"\n[files.f]\npath = \"/etc/x\"\ntemplate = \"t\"\nmode = \(mode)")
                .contains("files.f.mode: ")
        )
    }

    @Test(arguments: ["../t", "a/b", ".", "..", ""])
    func templatesAreNamesOfFiles(template: String) {
        #expect(
            problems("description = \"d\"\n[files.f]\npath = \"/etc/x\"\ntemplate = \"\(template)\"")
                .contains("files.f.template: ")
        )
    }

    @Test(arguments: [
        "restart", "restart a", "Restart a.service", "stop a.service", "restart  a.service",
        "restart a.service ",
        "restart a.service b.service", "restart .service", "restart a.conf", "restart a/b.service",
        "systemctl restart a.service", "restart ä.service",
    ])
    func restartsAreActionsOnUnits(line: String) {
        #expect(Feature.Restart(line) == nil)
        #expect(
            problems("description = \"d\"\n[services.s]\nsettings = [\"motd\"]\nrestart = [\"\(line)\"]")
                .contains("services.s.restart: ")
        )
    }

    @Test func allProblemsAreToldAtOnce() {
        let text = problems("x = 1\ny = 2\n[files.f]\nz = 1")
        for place in ["x:", "y:", "files.f.z:", "files.f.path:", "files.f.template:", "description:"] {
            #expect(text.contains("x.toml: \(place)"), "\(text)")
        }
    }

    @Test func whatIsNoTOMLIsRefusedWithItsLine() {
        #expect(problems("description = \"d\"\n[services").contains("x.toml: line 2, column 10"))
        #expect(problems(String(repeating: "#", count: Feature.maximumLength + 1)).contains("longer than"))
        #expect(problems("description = \"d\"", name: "../x").contains("name must be"))
    }

    @Test func restartsShowTheCommandThatDoesTheSame() throws {
        let restart = try #require(Feature.Restart("try-reload-or-restart systemd-resolved.service"))
        #expect(restart.action == .reloadOrTryRestart)
        #expect(restart.description == "systemctl try-reload-or-restart systemd-resolved.service")
    }
}
