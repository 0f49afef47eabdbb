import HostAPI
import JSON

extension Problem {
    /// What an answer of 400 and above says is wrong: its problem details, or, from another server, its text.
    init(answer: HostAPIResponse) {
        if let json = try? JSONValue(parsing: answer.body, limits: JSONLimits(bytes: 1 << 20)),
            let problem = try? Problem(json: json)
        {
            self = problem
            return
        }
        let text = String(answer.text.prefix(2000))
        let status = answer.status
        self.init(
            status: status,
            detail: text.isEmpty ? "\(answer.request) was answered with status \(status)" : text
        )
    }
}
