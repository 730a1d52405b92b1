# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates of one test, made with openssl in its folder: EC on P-256, DER."""
import subprocess

from rig import expect

LOOPBACK = "subjectAltName=IP:127.0.0.1,DNS:localhost"
ADDED = {
    "authority": ["basicConstraints=critical,CA:true", "keyUsage=critical,keyCertSign"],
    # Leshan takes a certificate for both directions of a handshake, or none.
    "server": ["basicConstraints=critical,CA:false", "keyUsage=critical,digitalSignature",
               "extendedKeyUsage=serverAuth,clientAuth", LOOPBACK],
    "device": ["basicConstraints=critical,CA:false", "keyUsage=critical,digitalSignature",
               "extendedKeyUsage=clientAuth"],
}


class Identity:
    """Files NAME.key (PKCS#8), NAME.pub (SubjectPublicKeyInfo), NAME.crt (certificate)."""

    def __init__(self, folder, name):
        self.key, self.public, self.certificate = (folder / f"{name}.{kind}" for kind in ("key", "pub", "crt"))


class Keys:
    """An authority `ca` that issues servers' and devices' certificates; `authority(name)` makes another."""

    def __init__(self, stage):
        self.folder = stage.folder / "keys"
        self.folder.mkdir()
        self.ca = self.authority("ca")

    @staticmethod
    def of(stage):
        """Those of a stage, made when somebody first asks."""
        if not hasattr(stage, "keys"):
            stage.keys = Keys(stage)
        return stage.keys

    def authority(self, name):
        return self._make(name, name, "authority", None)

    def server(self, name, authority=None):
        """A server on loopback."""
        return self._make(name, name, "server", authority or self.ca)

    def device(self, endpoint, authority=None, name=None):
        """A device; its certificate has the endpoint as CN."""
        return self._make(name or endpoint.rsplit(":", 1)[-1], endpoint, "device", authority or self.ca)

    def _make(self, name, subject, kind, issuer):
        made = Identity(self.folder, name)
        expect(not made.key.exists(), f"two keys are called {name}")
        pem = f"{name}.pem"
        self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", pem)
        self._openssl("pkcs8", "-topk8", "-nocrypt", "-in", pem, "-outform", "DER", "-out", made.key)
        self._openssl("pkey", "-inform", "DER", "-in", made.key, "-pubout", "-outform", "DER", "-out", made.public)
        signed_by = ["-CA", issuer.certificate, "-CAkey", issuer.key] if issuer else []
        self._openssl("req", "-x509", "-keyform", "DER", "-key", made.key, "-subj", f"/CN={subject}", "-days", "400",
                      "-outform", "DER", "-out", made.certificate, *signed_by,
                      *(word for extension in ADDED[kind] for word in ("-addext", extension)))
        return made

    def _openssl(self, *words):
        done = subprocess.run(["openssl", *map(str, words)], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        expect(done.returncode == 0, f"openssl {words[0]}: {done.stdout}")

