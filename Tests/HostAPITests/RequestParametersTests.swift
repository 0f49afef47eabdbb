import HostAPI
import JSON
import SettingsModel
import Testing

@Suite("Parameters of requests")
struct RequestParametersTests {
    private func read(_ operation: HostAPI.Operation, _ query: String?, path: [String: String] = [:])
        throws(Problem) -> RequestParameters
    {
        try RequestParameters(RouteTable.endpoint(for: operation), path: path, query: query)
    }

    private func refusal(_ operation: HostAPI.Operation, _ query: String?, path: [String: String] = [:])
        -> Problem?
    {
        do throws(Problem) {
            _ = try read(operation, query, path: path)
            return nil
        } catch {
            return error
        }
    }

    @Test("values are decoded and typed")
    func values() throws {
        let commit = try read(.commitAndApply, "tx=bulkhead-launch&confirm-within=60&report=true")
        #expect(commit.transaction == "bulkhead-launch")
        #expect(commit.integer("confirm-within") == 60)
        #expect(commit.boolean("report") == true)
        #expect(commit.text("confirm-within") == nil)
        #expect(try read(.commit, nil).transaction == "default")
        #expect(try read(.commit, "").transaction == "default")
        #expect(try read(.commit, "&&tx=a&").transaction == "a")
        #expect(try read(.getSettings, "prefix=settings.%6eet+%2B").text("prefix") == "settings.net +")
        #expect(try read(.getServices, "names=a,b%2Cc").names() == ["a", "b", "c"])
        #expect(try read(.getGeneration, nil, path: ["number": "12"]).integer("number") == 12)
        #expect(try read(.patchSettings, "strength=weak").text("strength") == "weak")
    }

    @Test("keys are split at commas outside of quotes")
    func keys() throws {
        let query = "keys=settings.motd,network.hostname,settings.kernel.sysctl.%22net.a,b%22.x"
        #expect(
            try read(.getSettings, query).keys() == [
                SettingKey(["motd"]), SettingKey(["network", "hostname"]),
                SettingKey(["kernel", "sysctl", "net.a,b", "x"]),
            ]
        )
        #expect(try read(.getSettings, nil).keys() == nil)
    }

    @Test(
        "what is not declared or not of its form is refused by name",
        arguments: [
            (HostAPI.Operation.getSettings, String?.some("key=settings.motd"), "key"),
            (.getSettings, "keys=", "keys"), (.getSettings, "keys=a,,b", "keys"),
            (.getSettings, "keys=a,", "keys"), (.getSettings, "keys=a%22,b", "keys"),
            (.getSettings, "keys=a.%22b", "keys"), (.getSettings, "keys", "keys"),
            (.getSettings, "keys=a&keys=b", "keys"), (.getSettings, "keys=a..b", "keys"),
            (.getSettings, "keys=sett%C3%ADngs", "keys"), (.getSettings, "prefix=", "prefix"),
            (.getSettings, "=", ""), (.getSettings, "=x", ""),
            (.deleteSettings, nil, "keys"), (.getAffectedServices, "", "keys"),
            (.getServices, "names=", "names"), (.getServices, "names=a,,b", "names"),
            (.commit, "tx=", "tx"), (.commit, "tx=a%2Fb", "tx"), (.commit, "tx=%C3%A4", "tx"),
            (.commit, "tx=" + String(repeating: "a", count: 65), "tx"), (.commit, "tx=a%0A", "tx"),
            (.commit, "confirm-within=9", "confirm-within"),
            (.commit, "confirm-within=86401", "confirm-within"),
            (.commit, "confirm-within=%2B60", "confirm-within"),
            (.commit, "confirm-within=60+", "confirm-within"),
            (.commit, "confirm-within=0x3c", "confirm-within"),
            (.commit, "confirm-within=60.0", "confirm-within"),
            (.commit, "confirm-within=99999999999999999999", "confirm-within"),
            (.commit, "confirm-within=%D9%A1%D9%A2", "confirm-within"),
            (.apply, "report=1", "report"), (.apply, "report=True", "report"),
            (.patchSettings, "strength=Weak", "strength"), (.reboot, "force=true", "force"),
            (.compareGenerations, "to=1", "from"), (.compareGenerations, "from=0", "from"),
            (.compareGenerations, "from=-1", "from"), (.commit, "tx=%00", "tx=%00"),
            (.commit, "tx=%zz", "tx=%zz"), (.commit, "tx=%", "tx=%"), (.commit, "tx=%ff", "tx=%ff"),
        ]
    )
    func refused(operation: HostAPI.Operation, query: String?, name: String) throws {
        let problem = try #require(refusal(operation, query))
        #expect(problem.status == 400)
        #expect(problem.type == Problem.invalidParametersType)
        #expect(problem.errors.map(\.key).contains(name), "\(problem.errors)")
        #expect(problem.detail.contains("parameter '\(name)'"))
    }

    @Test("every fault is named at once, and the answer stays small")
    func all() throws {
        let problem = try #require(
            refusal(.commit, "tx=a/b&confirm-within=1&other=\(String(repeating: "x", count: 9000))")
        )
        #expect(Set(problem.errors.map(\.key)) == ["tx", "confirm-within", "other"])
        #expect(problem.detail.utf8.count < 1000)
    }

    @Test("a query can't set a parameter of the path")
    func pathParameter() throws {
        let problem = try #require(refusal(.getGeneration, "number=1", path: ["number": "2"]))
        #expect(problem.errors.map(\.key) == ["number"])
        for number in ["0", "abc", "-1", "", "18446744073709551616", "1.5", "０"] {
            #expect(refusal(.getGeneration, nil, path: ["number": number]) != nil)
        }
    }

    @Test("thousands of parameters give a bounded answer")
    func many() throws {
        let query = (0..<4000).map { "p\($0)=1" }.joined(separator: "&")
        let problem = try #require(refusal(.getSettings, query))
        #expect(problem.errors.count <= 200)
        #expect(problem.json.description.utf8.count < 100_000)
    }

    @Test("encoding and decoding are inverse", arguments: ["", "a b+c", "ü/%&=?#\"", "\u{1F600}", "~._-"])
    func inverse(text: String) {
        #expect(PercentEncoding.decode(PercentEncoding.encode(text)) == text)
        #expect(PercentEncoding.decode(PercentEncoding.encode(text), plusIsSpace: true) == text)
    }
}
