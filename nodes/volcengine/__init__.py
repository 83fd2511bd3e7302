"""The language of the service: signing, credentials, requests, answers, errors."""
