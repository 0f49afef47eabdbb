/// What the reference shows where certificates and keys are wanted.
enum ExampleCertificate {
    /// A certificate of nobody, whose key was thrown away.
    static let base64 =
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJPakNCN2FBREFnRUNBaFJncjE0aGlRVFhOU210M2JRNS9h"
        + "bEZOamlzS2pBRkJnTXJaWEF3RWpFUU1BNEcKQTFVRUF3d0hSWGhoYlhCc1pUQWdGdzB5TmpFeE1qRXhNREU1TXpC"
        + "YUdBOHlNVEkyTVRBeU9ERXdNVGt6TUZvdwpFakVRTUE0R0ExVUVBd3dIUlhoaGJYQnNaVEFxTUFVR0F5dGxjQU1o"
        + "QUtRNmdRdmdGTVo2MEluSTMwZFErZFYyCjdDMGNKSG52Y0pFUmNYWm5QbnMzbzFNd1VUQWRCZ05WSFE0RUZnUVVJ"
        + "QzhObzdXZTNJa0hna1ovc0lQTUp2RDgKL2Fvd0h3WURWUjBqQkJnd0ZvQVVJQzhObzdXZTNJa0hna1ovc0lQTUp2"
        + "RDgvYW93RHdZRFZSMFRBUUgvQkFVdwpBd0VCL3pBRkJnTXJaWEFEUVFBSWtnL2hnUEJsNDc4NmF3YUF1M0E2UU13"
        + "aGt1SGdhbUwvVVhtd1o5OW11SkE1CldOLzlYbVprU25HVlAraklheWx5eWVmWWNGQUZnWUxpK3phWG9XRUcKLS0t"
        + "LS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="

    /// The frame of a private key without a key in it.
    static let emptyKey =
        "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1BQT0KLS0tLS1FTkQgUFJJVkFURSBLRVktLS0tLQo="
}
