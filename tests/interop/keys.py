# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates of one test, made with openssl in its folder: EC on P-256 where nothing else is said."""
import base64
import subprocess

from rig import expect

LOOPBACK = "subjectAltName=IP:127.0.0.1,DNS:localhost"
CHAIN_PADDING = "nsComment=" + "a certificate that is too long for one datagram " * 30
ADDED = {
    "authority": ["basicConstraints=critical,CA:true", "keyUsage=critical,keyCertSign"],
    # Leshan takes a certificate for both directions of a handshake, or none.
    "server": ["basicConstraints=critical,CA:false", "keyUsage=critical,digitalSignature",
               "extendedKeyUsage=serverAuth,clientAuth", LOOPBACK],
    "device": ["basicConstraints=critical,CA:false", "keyUsage=critical,digitalSignature",
               "extendedKeyUsage=clientAuth"],
}


class Identity:
    """Files of DER: NAME.key (PKCS#8), NAME.pub (SubjectPublicKeyInfo), NAME.crt (certificate); and of PEM:
    NAME.pem (the key), NAME.pub.pem, NAME.chain.pem (the certificate, then those that lead to the authority)."""

    def __init__(self, folder, name):
        self.key, self.public, self.certificate, self.key_pem, self.public_pem, self.chain_pem = (
            folder / f"{name}.{kind}" for kind in ("key", "pub", "crt", "pem", "pub.pem", "chain.pem"))

    def write_pem(self, issuers):
        self.public_pem.write_text(_pem("PUBLIC KEY", self.public), encoding="ascii")
        self.chain_pem.write_text("".join(_pem("CERTIFICATE", of.certificate) for of in (self, *issuers)),
                                  encoding="ascii")


def _pem(label, der):
    text = base64.encodebytes(der.read_bytes()).decode().replace("\n", "")
    lines = "".join(f"{text[at:at + 64]}\n" for at in range(0, len(text), 64))
    return f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n"


class Keys:
    """An authority `ca` that issues servers' and devices' certificates; `authority(name)` makes another."""

    def __init__(self, stage, curve="P-256"):
        self.folder = stage.folder / "keys"
        self.folder.mkdir()
        self._curve = curve
        self.ca = self.authority("ca")

    @staticmethod
    def of(stage, curve="P-256"):
        """Those of a stage, made when somebody first asks."""
        if not hasattr(stage, "keys"):
            stage.keys = Keys(stage, curve)
        return stage.keys

    def authority(self, name):
        return self._make(name, name, "authority", None)

    def server(self, name, authority=None):
        """A server on loopback."""
        return self._make(name, name, "server", authority or self.ca)

    def device(self, endpoint, authority=None, name=None):
        """A device; its certificate has the endpoint as CN."""
        return self._make(name or endpoint.rsplit(":", 1)[-1], endpoint, "device", authority or self.ca)

    def with_long_chain(self, kind, subject):
        """A "server" or "device" whose certificate leads to `ca` over another one; each is longer than a datagram."""
        middle = self._make(f"{kind}-middle", f"Middle of {kind}", "authority", self.ca, CHAIN_PADDING)
        made = self._make(f"{kind}-long", subject, kind, middle, CHAIN_PADDING)
        made.write_pem([middle])
        return made

    def _make(self, name, subject, kind, issuer, *more):
        made = Identity(self.folder, name)
        expect(not made.key.exists(), f"two keys are called {name}")
        pem = f"{name}.pem"
        self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{self._curve}", "-out", pem)
        self._openssl("pkcs8", "-topk8", "-nocrypt", "-in", pem, "-outform", "DER", "-out", made.key)
        self._openssl("pkey", "-inform", "DER", "-in", made.key, "-pubout", "-outform", "DER", "-out", made.public)
        signed_by = ["-CA", issuer.certificate, "-CAkey", issuer.key] if issuer else []
        self._openssl("req", "-x509", "-keyform", "DER", "-key", made.key, "-subj", f"/CN={subject}", "-days", "400",
                      "-outform", "DER", "-out", made.certificate, *signed_by,
                      *(word for extension in (*ADDED[kind], *more) for word in ("-addext", extension)))
        made.write_pem([])
        return made

    def _openssl(self, *words):
        done = subprocess.run(["openssl", *map(str, words)], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        expect(done.returncode == 0, f"openssl {words[0]}: {done.stdout}")

