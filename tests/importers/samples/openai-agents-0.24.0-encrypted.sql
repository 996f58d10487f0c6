CREATE TABLE agent_sessions (
                session_id TEXT PRIMARY KEY,
                created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
            );
INSERT INTO "agent_sessions" VALUES ('user-3', '2026-11-26 01:02:03', '2026-11-26 01:02:03');
CREATE TABLE agent_messages (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                session_id TEXT NOT NULL,
                message_data TEXT NOT NULL,
                created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                FOREIGN KEY (session_id) REFERENCES agent_sessions (session_id)
                    ON DELETE CASCADE
            );
INSERT INTO "agent_messages" VALUES (1, 'user-3', '{"__enc__": 1, "v": 1, "kid": "hkdf-v1", "payload": "gAAAAABrB4UL6gaI1UEFxBhIZRMW2jKIRNJC76D-w2JxLblIPwYp_yyxPQZZrJOnSNA2rJg7PkQH-Jmrb4OhIvb7nHSGER-vMKMl-Z1TSr1NLSh64sPQsAa2xIkGabqO3Qm4DDX_cXFr"}', '2026-11-26 01:02:03');
INSERT INTO "agent_messages" VALUES (2, 'user-3', '{"__enc__": 1, "v": 1, "kid": "hkdf-v1", "payload": "gAAAAABrB4ULZil-0g6bLnDLbfZFb-VuUT2STKRGUJ3yc0JxyGwhm7N5py5OEGj3fSeUZgLd-KRk4dNiaCCrk3U0jya_mjoEQsACDeKRDvtzcZIp3fJQBadVKT2NRw_mKqvTpCrQcTbflksKBc26LAb1WzAkjx3JwQRRoB4rMeXSCPEnH5VwpUn8vjExpG38lAUINmU8ovnp2ae2sopSs3FuifJ8UAsD_rryyVdYiP8iNhZLyEg6dlielS43fx4ZuzJNvwq7JAcm1XGARz498wammdhuYIfZAuldnGbRtzGC99A3ZSvesXE="}', '2026-11-26 01:02:03');
