//! MariaDB: a bounded pool of connections, each dropped when it hangs or breaks.

use super::migrations::{Migration, VERSIONS_TABLE};
use super::{ChangeError, DatabaseError, Refusal, Row, Statement, Touches, Value};
use crate::directory::settings::QUERY_WAIT_MAX;
use sqlx::error::ErrorKind;
use sqlx::mysql::{
    MySqlArguments, MySqlConnectOptions, MySqlConnection, MySqlPoolOptions, MySqlRow, MySqlSslMode,
};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Column, Connection, MySql, MySqlPool, Row as _, TypeInfo, ValueRef as _};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// A connection that nobody used for so long goes: a server that was replaced meanwhile would not tell.
const IDLE_MAX: Duration = Duration::from_secs(60);
const LIFETIME_MAX: Duration = Duration::from_secs(600);
/// Of a change that met another one. The server has undone it all.
const ATTEMPTS_MAX: u32 = 4;
/// Only one program makes steps of the schema.
const UPGRADE_LOCK: &str = "SELECT GET_LOCK('mail_directory_upgrade', 30)";
const UPGRADE_UNLOCK: &str = "SELECT RELEASE_LOCK('mail_directory_upgrade')";

/// How the server is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    Socket(PathBuf),
    /// TLS; the certificate is checked with these authorities, or with the system's.
    Tls {
        host: String,
        port: u16,
        authorities: Option<PathBuf>,
    },
    /// In a network that is trusted.
    Clear {
        host: String,
        port: u16,
    },
}

/// Which server, as whom.
#[derive(Clone, Debug)]
pub struct MariaDbOptions {
    pub transport: Transport,
    pub database: String,
    pub user: String,
    pub password: Option<Zeroizing<String>>,
    pub connections_max: u32,
}

/// A server. Clones are the same.
#[derive(Clone, Debug)]
pub struct MariaDb(MySqlPool);

impl MariaDb {
    /// Connects when it is asked something. Inside a runtime only: tasks of its own look after the connections.
    pub fn new(options: &MariaDbOptions) -> Self {
        let pool = MySqlPoolOptions::new()
            .max_connections(options.connections_max)
            .acquire_timeout(QUERY_WAIT_MAX)
            .idle_timeout(IDLE_MAX)
            .max_lifetime(LIFETIME_MAX);
        Self(pool.connect_lazy_with(connect_options(options)))
    }

    pub(super) async fn select(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, DatabaseError> {
        self.with(QUERY_WAIT_MAX, |connection| Box::pin(select(connection, sql, values))).await?
    }

    pub(super) async fn change(&self, statements: Vec<Statement>) -> Result<(), ChangeError> {
        let mut attempt = 1;
        loop {
            let again = statements.clone();
            let result = self.with(QUERY_WAIT_MAX, |connection| Box::pin(change(connection, again))).await?;
            match result {
                Err(ChangeError::Database(error)) if is_deadlock(&error) && attempt < ATTEMPTS_MAX => {
                    attempt += 1
                }
                result => return result,
            }
        }
    }

    pub(super) async fn migrate(&self, migrations: &'static [Migration]) -> Result<(), DatabaseError> {
        let wait_max = QUERY_WAIT_MAX * 60;
        self.with(wait_max, |connection| Box::pin(migrate(connection, migrations))).await?
    }

    /// Runs something on a connection of its own, which goes with anything that goes wrong.
    async fn with<T, E: IsHarmless>(
        &self,
        wait_max: Duration,
        run: impl for<'c> FnOnce(&'c mut MySqlConnection) -> Running<'c, Result<T, E>>,
    ) -> Result<Result<T, E>, DatabaseError> {
        let mut connection: PoolConnection<MySql> = self.0.acquire().await.map_err(failed)?;
        let result = tokio::time::timeout(wait_max, run(&mut connection)).await;
        if !matches!(&result, Ok(Ok(_))) && !matches!(&result, Ok(Err(error)) if error.is_harmless()) {
            connection.close_on_drop();
        }
        result.map_err(|_| DatabaseError::TimedOut)
    }
}

type Running<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

/// Whether a connection is good after this.
trait IsHarmless {
    fn is_harmless(&self) -> bool;
}

impl IsHarmless for DatabaseError {
    fn is_harmless(&self) -> bool {
        false
    }
}

impl IsHarmless for ChangeError {
    fn is_harmless(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

fn connect_options(options: &MariaDbOptions) -> MySqlConnectOptions {
    let mut connect =
        MySqlConnectOptions::new().username(&options.user).database(&options.database).charset("utf8mb4");
    if let Some(password) = &options.password {
        connect = connect.password(password);
    }
    match &options.transport {
        Transport::Socket(path) => connect.socket(path).ssl_mode(MySqlSslMode::Disabled),
        Transport::Clear { host, port } => connect.host(host).port(*port).ssl_mode(MySqlSslMode::Disabled),
        Transport::Tls { host, port, authorities } => {
            let connect = connect.host(host).port(*port).ssl_mode(MySqlSslMode::VerifyIdentity);
            authorities.iter().fold(connect, |connect, path| connect.ssl_ca(path))
        }
    }
}

fn failed(error: sqlx::Error) -> DatabaseError {
    match error {
        sqlx::Error::PoolTimedOut => DatabaseError::TimedOut,
        sqlx::Error::PoolClosed => DatabaseError::Ending,
        error => DatabaseError::MariaDb(Arc::new(error)),
    }
}

async fn select(
    connection: &mut MySqlConnection,
    sql: &'static str,
    values: Vec<Value>,
) -> Result<Vec<Row>, DatabaseError> {
    let rows = bound(sql, values).fetch_all(connection).await.map_err(failed)?;
    rows.iter().map(row).collect()
}

async fn change(connection: &mut MySqlConnection, statements: Vec<Statement>) -> Result<(), ChangeError> {
    let mut transaction = connection.begin().await.map_err(failed)?;
    for (number, Statement { sql, values, touches }) in statements.into_iter().enumerate() {
        let done =
            bound(sql, values).execute(&mut *transaction).await.map_err(|error| refused(number, error))?;
        if touches == Touches::One && done.rows_affected() != 1 {
            transaction.rollback().await.map_err(failed)?;
            return Err(ChangeError::Refused { statement: number, refusal: Refusal::Rows });
        }
    }
    Ok(transaction.commit().await.map_err(failed)?)
}

fn refused(statement: usize, error: sqlx::Error) -> ChangeError {
    match error.as_database_error().map(|error| error.kind()) {
        Some(ErrorKind::UniqueViolation) => ChangeError::Refused { statement, refusal: Refusal::Exists },
        Some(ErrorKind::ForeignKeyViolation) => {
            ChangeError::Refused { statement, refusal: Refusal::Reference }
        }
        _ => failed(error).into(),
    }
}

/// Two changes waited for each other, and this one was given up (SQLSTATE 40001).
fn is_deadlock(error: &DatabaseError) -> bool {
    let DatabaseError::MariaDb(error) = error else { return false };
    error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "40001")
}

async fn migrate(
    connection: &mut MySqlConnection,
    migrations: &'static [Migration],
) -> Result<(), DatabaseError> {
    let locked = select(connection, UPGRADE_LOCK, Vec::new()).await?;
    if locked != [[Value::Integer(1)]] {
        return Err(DatabaseError::TimedOut);
    }
    sqlx::raw_sql(VERSIONS_TABLE).execute(&mut *connection).await.map_err(failed)?;
    for migration in migrations {
        if migration.is_done(&select(connection, Migration::IS_DONE, migration.key()).await?) {
            continue;
        }
        // Each of its statements is a transaction of its own here, and may run again.
        sqlx::raw_sql(migration.sql).execute(&mut *connection).await.map_err(failed)?;
        bound(Migration::DONE, migration.row()).execute(&mut *connection).await.map_err(failed)?;
    }
    select(connection, UPGRADE_UNLOCK, Vec::new()).await?;
    Ok(())
}

fn bound(sql: &'static str, values: Vec<Value>) -> Query<'static, MySql, MySqlArguments> {
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Null => query.bind(None::<String>),
        Value::Text(text) => query.bind(text),
        Value::Integer(number) => query.bind(number),
    })
}

fn row(row: &MySqlRow) -> Result<Row, DatabaseError> {
    let value = |column: usize| -> Result<Value, sqlx::Error> {
        let raw = row.try_get_raw(column)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        match raw.type_info().name() {
            "BIGINT" | "INT" => Ok(Value::Integer(row.try_get(column)?)),
            _ => Ok(Value::Text(row.try_get(column)?)),
        }
    };
    row.columns()
        .iter()
        .map(|column| {
            value(column.ordinal()).map_err(|error| match error {
                sqlx::Error::ColumnDecode { .. } => DatabaseError::Row,
                error => failed(error),
            })
        })
        .collect()
}
