import Foundation
import HostAPI
import JSON
import Testing

@Suite("Metrics")
struct MetricFamilyTests {
    static let families = [
        MetricFamily("bulkhead_generation", .gauge, help: "Number in force.", value: 12),
        MetricFamily(
            "bulkhead_requests_total",
            .counter,
            help: "Requests, by operation and status.\nSecond \\ line \"quoted\".",
            samples: [
                .init(3, labels: ["operation": "get-settings", "status": "200"]),
                .init(0.25, labels: ["operation": "a\"b\\c\nd", "status": "400"]),
            ]
        ),
        MetricFamily(
            "bulkhead_odd",
            .gauge,
            help: "",
            samples: [.init(.infinity), .init(-1e300, labels: ["a": "ü"])]
        ),
    ]

    @Test("the text is in order of the names, whole numbers without a point")
    func text() {
        let text = MetricFamily.text(of: Self.families)
        #expect(
            text.hasPrefix("# HELP bulkhead_generation Number in force.\n# TYPE bulkhead_generation gauge\n")
        )
        #expect(text.contains("\nbulkhead_generation 12\n"))
        #expect(text.contains("\nbulkhead_odd +Inf\n"))
        #expect(MetricFamily("9 ä-b", .gauge, help: "", value: .nan).text.hasSuffix("\n____b NaN\n"))
    }

    @Test(
        "prometheus_client reads the same values",
        .enabled(
            if: Python.interpreter(with: "prometheus_client") != nil,
            Python.skipComment("prometheus_client")
        )
    )
    func golden() throws {
        let program = """
            import sys, json
            from prometheus_client.parser import text_string_to_metric_families
            text = open(sys.argv[1], newline='').read()
            print(json.dumps([[f.name, f.type, f.documentation, [[s.name, s.labels, str(s.value)] for s in f.samples]]
                for f in text_string_to_metric_families(text)]))
            """
        let result = try Python.run(
            program,
            with: "prometheus_client",
            files: [MetricFamily.text(of: Self.families)]
        )
        try #require(result.status == 0, "\(result.output)")
        let expected: JSONValue = [
            [
                "bulkhead_generation", "gauge", "Number in force.",
                [["bulkhead_generation", [:], "12"]],
            ],
            [
                "bulkhead_odd", "gauge", "",
                [["bulkhead_odd", [:], "inf"], ["bulkhead_odd", ["a": "ü"], "-1e+300"]],
            ],
            [
                "bulkhead_requests", "counter",
                "Requests, by operation and status.\nSecond \\ line \"quoted\".",
                [
                    [
                        "bulkhead_requests_total", ["operation": "get-settings", "status": "200"], "3",
                    ],
                    [
                        "bulkhead_requests_total", ["operation": "a\"b\\c\nd", "status": "400"], "0.25",
                    ],
                ],
            ],
        ]
        #expect(try JSONValue(parsing: result.output) == expected, "\(result.output)")
    }
}
