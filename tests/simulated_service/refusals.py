"""The service's refusals, in the two shapes it answers them: business and gateway."""

from __future__ import annotations

from dataclasses import dataclass

# https://www.volcengine.com/docs/86081/1804490
BUSINESS = {
    50411: (400, "Pre Img Risk Not Pass"),
    50511: (400, "Post Img Risk Not Pass"),
    50412: (400, "Text Risk Not Pass"),
    50512: (400, "Post Text Risk Not Pass"),
    50413: (400, "Post Text Risk Not Pass"),
    50518: (400, "Pre Img Risk Not Pass: Copyright"),
    50519: (400, "Post Img Risk Not Pass: Copyright"),
    50520: (400, "Risk Internal Error"),
    50521: (400, "Antidirt Internal Error"),
    50522: (400, "Image Copyright Internal Error"),
    50429: (429, "Request Has Reached API Limit, Please Try Later"),
    50430: (429, "Request Has Reached API Concurrent Limit, Please Try Later"),
    50500: (500, "Internal Error"),
    50501: (500, "Internal RPC Error"),
    50400: (400, "Access Denied: Access Denied"),
    50200: (400, "Input invalid for this service"),
    50204: (400, "Input invalid for this service"),
    50215: (400, "Input invalid for this service"),
    201304: (400, "AI ghost face"),
    # https://www.volcengine.com/docs/6444/69728
    50201: (400, "Missing argument"),
    50205: (400, "Image size limit exceeded"),
    50206: (400, "Image is empty"),
    50207: (400, "Image decode error"),
    50213: (400, "Request body too large"),
    50218: (400, "Resource exists risk"),
    60208: (400, "Image contains sensitive content"),
    60102: (400, "No face detected"),
    50402: (404, "Interface not found"),
}

# https://www.volcengine.com/docs/6369/68677; of the last two no number is known, and none is answered
GATEWAY = {
    "MissingParameter": (100002, 400),
    "MissingAuthenticationToken": (100003, 401),
    "MissingRequestInfo": (100004, 400),
    "MissingSignature": (100005, 401),
    "InvalidTimestamp": (100006, 400),
    "ServiceNotFound": (100007, 404),
    "InvalidActionOrVersion": (100008, 404),
    "InvalidAccessKey": (100009, 401),
    "SignatureDoesNotMatch": (100010, 401),
    "LackPolicy": (100012, 403),
    "AccessDenied": (100013, 403),
    "InternalError": (100014, 500),
    "InternalServiceTimeout": (100016, 504),
    "FlowLimitExceeded": (None, 429),
    "ServiceUnavailableTemp": (None, 503),
}


@dataclass
class Refusal(Exception):  # noqa: N818 - the service's word for it
    """A call that is not billed. `code` is a number of `BUSINESS` or a word of `GATEWAY`."""

    code: int | str
    detail: str = ""

    def answer(self, request_id: str) -> tuple[int, dict[str, object]]:
        """HTTP status and body."""
        if isinstance(self.code, int):
            status, message = BUSINESS[self.code]
            return status, {
                "code": self.code,
                "data": None,
                "message": f"{message}: {self.detail}" if self.detail else message,
                "request_id": request_id,
                "status": self.code,
                "time_elapsed": "1.2ms",
            }
        number, status = GATEWAY[self.code]
        error: dict[str, object] = {} if number is None else {"CodeN": number}
        return status, {
            "ResponseMetadata": {
                "RequestId": request_id,
                "Action": "CVProcess",
                "Version": "2022-08-31",
                "Service": "cv",
                "Region": "cn-north-1",
                "Error": {**error, "Code": self.code, "Message": self.detail or self.code},
            }
        }
