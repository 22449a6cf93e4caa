//! TLS under axum: the test API server's own certificate and key, on a free port of this machine.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

/// Accepts connections and greets them with the API server's certificate.
pub(super) struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    tls: TlsAcceptor,
}

impl Listener {
    pub(super) async fn bind(certificates: &Path) -> Self {
        let chain = CertificateDer::pem_file_iter(certificates.join("apiserver.crt"));
        let chain = chain.expect("a certificate").map(|one| one.expect("it is PEM")).collect();
        let key = PrivateKeyDer::from_pem_file(certificates.join("apiserver.key")).expect("its key");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("there are versions");
        let config = config.with_no_client_auth().with_single_cert(chain, key).expect("they fit");
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = tcp.local_addr().expect("it is bound");
        Self { tcp, address, tls: TlsAcceptor::from(Arc::new(config)) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // Who breaks off is not listened to any more.
            let Ok((stream, address)) = self.tcp.accept().await else { continue };
            let _slower = stream.set_nodelay(true);
            if let Ok(stream) = self.tls.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}
