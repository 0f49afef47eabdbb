import HostAPI
import JSON
import SettingsModel
import Testing

@Suite("Payloads")
struct PayloadTests {
    @Test("reading what was written gives the same value", arguments: PayloadExamples.all)
    func roundTrip(payload: any Payload) throws {
        func check<Value: Payload>(_ value: Value) throws {
            let text = value.json.description
            #expect(try Value(json: JSONValue(parsing: text)) == value)
        }
        try check(payload)
    }

    @Test(
        "a missing or mistyped member is an error, another one is passed over",
        arguments: PayloadExamples.all
    )
    func strict(payload: any Payload) throws {
        let type = type(of: payload)
        guard let members = payload.json.members, let schema = type.schema.members else { return }
        let required = schema["required"]?.elements?.compactMap(\.string) ?? []
        for name in members.keys.sorted() {
            var other = members
            other[name] = nil
            if required.contains(name), !Self.optionalWhenRead.contains(name) {
                #expect(throws: PayloadError.self, "without \(name)") { try type.init(json: .object(other)) }
            }
            for wrong: JSONValue in [["x": [1]], .number(0.5), [[]]] {
                // Settings are an object whose members only the model knows.
                if ["settings", "strong", "weak", "defaults"].contains(name), wrong.members != nil {
                    continue
                }
                other[name] = wrong
                #expect(throws: PayloadError.self, "\(name): \(wrong)") {
                    try type.init(json: .object(other))
                }
            }
        }
        var more = members
        more["new-in-a-later-version"] = true
        let isRequest = type is KeyPairs.Type || type is BootReport.Type || type is HealthProblem.Type
        #expect(((try? type.init(json: .object(more))) == nil) == isRequest)
        for wrong: JSONValue in [nil, [], 1, true] {
            #expect(throws: PayloadError.self) { try type.init(json: wrong) }
        }
    }

    /// What this host always answers, but others do not: problem details of other servers need only `status` (RFC 9457,
    /// section 3.1), Bottlerocket has no `deletions`, and a null may also be left out.
    private static let optionalWhenRead = [
        "type", "title", "detail", "deletions", "chosen_update", "active_partition", "staging_partition",
        "last_error", "progress",
    ]

    @Test("an error names the place")
    func place() {
        let json: JSONValue = [
            "step": "user-data",
            "problems": [["source": "x", "message": "y", "time": "2026-01-01T00:00:00Z"], ["source": 1]],
        ]
        #expect(throws: PayloadError(place: "problems[1].source", reason: "must be a string, not 1")) {
            try BootReport(json: json)
        }
        #expect(throws: PayloadError(place: "request_payload[0]", reason: "must be a string, not number")) {
            try KeyPairs(json: ["request_payload": [1]])
        }
    }

    @Test("what clients send is bounded")
    func bounds() {
        let problem = PayloadExamples.problem.json
        let many = JSONValue.array(Array(repeating: problem, count: BootReport.maximumProblems + 1))
        #expect(throws: PayloadError.self) { try BootReport(json: ["step": "apply", "problems": many]) }
        let pairs = JSONValue.array(Array(repeating: "a=b", count: KeyPairs.maximumCount + 1))
        #expect(throws: PayloadError.self) { try KeyPairs(json: ["request_payload": pairs]) }
        var long = PayloadExamples.problem
        long.message = String(repeating: "x", count: 4097)
        #expect(throws: PayloadError.self) { try HealthProblem(json: long.json) }
    }

    @Test("generators of version 1 and 2 have Bottlerocket's forms")
    func generators() {
        let weak = GeneratorInfo(command: "a b", strength: .weak)
        #expect(weak.json == ["command": "a b", "strength": "weak"])
        #expect(weak.version1 == "a b")
        #expect(GeneratorInfo(command: "a b", strength: .strong).json == "a b")
    }

    @Test("an update's status has Bottlerocket's members")
    func updateStatus() throws {
        let text = """
            {"update_state":"Available","available_updates":["1.1.0"],"chosen_update":{"arch":"x86_64",\
            "version":"1.1.0","variant":"aws-k8s-1.34"},"active_partition":{"image":{"arch":"x86_64",\
            "version":"1.0.0","variant":"aws-k8s-1.34"},"next_to_boot":true},"staging_partition":null,\
            "most_recent_command":{"cmd_type":"refresh","cmd_status":"Success",\
            "timestamp":"2026-01-31T12:00:00.123456789Z","exit_status":0,"stderr":""}}
            """
        let status = try UpdateStatus(json: JSONValue(parsing: text))
        #expect(status.state == .available)
        #expect(status.chosenUpdate?.version == "1.1.0")
        #expect(status.activePartition?.nextToBoot == true)
        #expect(status.mostRecentCommand.timestamp.description == "2026-01-31T12:00:00Z")
    }

    @Test("problem details carry every fault")
    func problems() throws {
        let problem = Problem(
            InvalidSettings(problems: [
                SettingProblem(key: "settings.motd", value: 42, allowed: "a text"),
                SettingProblem(key: "settings.x", value: nil, allowed: "there is no such setting"),
            ])
        )
        #expect(
            problem.json == [
                "type": "/problems/invalid-settings", "title": "Invalid settings", "status": 400,
                "detail": "settings.motd: 42 is not allowed: a text\nsettings.x: there is no such setting",
                "errors": [
                    ["key": "settings.motd", "value": "42", "allowed": "a text"],
                    ["key": "settings.x", "allowed": "there is no such setting"],
                ],
            ]
        )
        #expect(Problem(status: 423, detail: "x").title == "Locked")
        #expect(try Problem(json: ["status": 502]).detail == "Status 502")
        #expect(Problem(JSONError.tooLong).status == 413)
        for status in RouteTable.endpoints.flatMap(\.responses).map(\.status)
            + RouteTable.commonResponses.map(\.status)
        {
            #expect(!Problem.reasonPhrase(status).hasPrefix("Status"))
        }
    }
}

extension JSONError {
    /// The error of a document that is too long.
    fileprivate static var tooLong: JSONError {
        do throws(JSONError) {
            _ = try JSONValue(parsing: "[1]", limits: JSONLimits(bytes: 1))
        } catch {
            return error
        }
        preconditionFailure("a document of 3 bytes passed a limit of 1")
    }
}
